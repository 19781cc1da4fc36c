// SPDX-License-Identifier: GPL-2.0-only
/* A device of another driver whose shutdown takes its time, as that of a RAID or network adapter
 * does. device_shutdown() takes the device that was registered last first. */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/platform_device.h>

static unsigned int shutdown_ms = 2000;
module_param(shutdown_ms, uint, 0644);
MODULE_PARM_DESC(shutdown_ms, "how long its shutdown takes");

static struct platform_device *device;

static int slow_probe(struct platform_device *pdev)
{
	return 0;
}

static void slow_shutdown(struct platform_device *pdev)
{
	msleep(shutdown_ms);
}

static struct platform_driver driver = {
	.driver = {.name = "slow"},
	.probe = slow_probe,
	.shutdown = slow_shutdown,
};

static int __init slow_init(void)
{
	int r = platform_driver_register(&driver);

	if (r)
		return r;
	device = platform_device_register_simple("slow", PLATFORM_DEVID_NONE, NULL, 0);
	if (!IS_ERR(device))
		return 0;
	platform_driver_unregister(&driver);
	return PTR_ERR(device);
}

static void __exit slow_exit(void)
{
	platform_device_unregister(device);
	platform_driver_unregister(&driver);
}

module_init(slow_init);
module_exit(slow_exit);
MODULE_DESCRIPTION("a device whose shutdown takes its time");
MODULE_LICENSE("GPL");
