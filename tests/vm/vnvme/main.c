// SPDX-License-Identifier: GPL-2.0-only
/* Parameters, the host bridges, and the thread that runs all controllers. */

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "vnvme.h"

#define FIRST_DOMAIN 0x10

static char *topology = "4*R(N)";
module_param(topology, charp, 0444);
MODULE_PARM_DESC(topology,
		 "the hierarchy, e.g. \"8*R(N),R(U(4*D(N)));R(N)\"; 256 need two hosts (;)");

/* Memory of the machine that mem= keeps the kernel from using: the BARs, which driver and module
 * both read and write. */
static ulong window = 0x30000000;
module_param(window, ulong, 0444);
MODULE_PARM_DESC(window, "physical address of the memory for BARs: where mem= ends");

static ulong window_mib = 256;
module_param(window_mib, ulong, 0444);
MODULE_PARM_DESC(window_mib, "its size; each port takes 1 MiB");

unsigned int ns_mib = 64;
module_param(ns_mib, uint, 0444);
MODULE_PARM_DESC(ns_mib, "size of each namespace");

static unsigned int poll_us = 50;
module_param(poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "how often registers and doorbells are looked at");

unsigned int idle_poll_us = 500;
module_param(idle_poll_us, uint, 0644);
MODULE_PARM_DESC(idle_poll_us, "the same while no controller has anything to do");

static char *trace = "";
module_param(trace, charp, 0444);
MODULE_PARM_DESC(trace, "kernel functions whose calls become events, with commas between them");

/* A list with an element for each controller; the last element applies to all that follow. */
#define LIST(name, first, description)                   \
	static unsigned int name[VNVME_MAX] = {first};   \
	static int n_##name = 1;                         \
	module_param_array(name, uint, &n_##name, 0644); \
	MODULE_PARM_DESC(name, description)

LIST(latency_us, 0, "from CC.SHN to CSTS.SHST=10b");
LIST(rtd3e_us, 0, "RTD3E in Identify; 0: not reported");
LIST(vwc, 1, "has a volatile write cache");
LIST(flush_us, 0, "what a Flush takes");
LIST(flush_us_per_mib, 0, "what it takes more for each MiB not flushed yet");

static unsigned int element(const unsigned int *list, int n, const struct controller *c)
{
	return n > 0 ? list[min_t(int, c->index, n - 1)] : 0;
}

unsigned int latency_us_of(const struct controller *c)
{
	return element(latency_us, n_latency_us, c);
}

unsigned int rtd3e_us_of(const struct controller *c)
{
	return element(rtd3e_us, n_rtd3e_us, c);
}

bool has_cache(const struct controller *c)
{
	return element(vwc, n_vwc, c);
}

unsigned int flush_us_of(const struct controller *c)
{
	return element(flush_us, n_flush_us, c) +
	       element(flush_us_per_mib, n_flush_us_per_mib, c) * (c->dirty_bytes >> 10) / 1024;
}

static u32 faults[VNVME_MAX];

u32 faults_of(const struct controller *c)
{
	return READ_ONCE(faults[c->index]);
}

static int set_fault(char *word)
{
	static const struct {
		const char *name;
		u32 fault;
	} names[] = {
		{"never", FAULT_NEVER},
		{"no-admin", FAULT_NO_ADMIN},
		{"cfs", FAULT_CFS},
		{"gone", FAULT_GONE},
		{"gone-during", FAULT_GONE_DURING},
		{"strict", FAULT_STRICT},
	};
	char *name = strsep(&word, "@");
	unsigned int index;

	if (!word || kstrtouint(word, 10, &index) < 0 || index >= VNVME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].name, name)) {
			WRITE_ONCE(faults[index], faults[index] | names[i].fault);
			return 0;
		}
	return -EINVAL;
}

/* Replaces all faults, with immediate effect. */
static int set_faults(const char *value, const struct kernel_param *param)
{
	char *copy = kstrdup(value, GFP_KERNEL), *rest, *word;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	for (unsigned int i = 0; i < VNVME_MAX; i++)
		WRITE_ONCE(faults[i], 0);
	rest = strim(copy);
	while (r == 0 && *rest && (word = strsep(&rest, ","))) {
		r = set_fault(word);
		if (!rest)
			break;
	}
	kfree(copy);
	return r;
}

static const struct kernel_param_ops faults_ops = {.set = set_faults};
module_param_cb(faults, &faults_ops, NULL, 0200);
MODULE_PARM_DESC(faults, "FAULT@INDEX,...: never, no-admin, cfs, gone, gone-during, strict");

static struct task_struct *thread;

/* For this long after some work more of it is likely to come. */
#define QUIET_US 10000

/* Doorbells are plain memory and do not trap, so the thread has to poll. That is most of the work
 * of an idle guest, and on the virtual clock of QEMU all of it until the next timer. */
static int poll_all(void *data)
{
	ktime_t busy = 0;

	sched_set_fifo(current);
	while (!kthread_should_stop()) {
		ktime_t now = ktime_get();
		unsigned int us = poll_us;

		for (unsigned int i = 0; i < n_controllers; i++)
			if (controller_poll(controllers[i], now))
				busy = now;
		if (ktime_us_delta(now, busy) > QUIET_US)
			us = max(poll_us, idle_poll_us);
		usleep_range(us, us + 10);
	}
	return 0;
}

/* Resources are assigned now, and the driver's probe follows. */
static int on_bus_event(struct notifier_block *block, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct pci_node *node;

	if (action != BUS_NOTIFY_BIND_DRIVER || pdev->bus->ops != &config_space_ops)
		return NOTIFY_DONE;
	node = config_space_node(pdev->bus, pdev->devfn);
	if (node && node->controller)
		controller_attach_bar(node->controller, pci_resource_start(pdev, 0));
	return NOTIFY_OK;
}

static struct notifier_block bus_notifier = {.notifier_call = on_bus_event};

static int add_host(struct host *host, unsigned int index)
{
	resource_size_t size = (window_mib << 20) / n_hosts & ~((resource_size_t)SZ_1M - 1);
	LIST_HEAD(resources);
	int r;

	host->sysdata.domain = FIRST_DOMAIN + index;
	host->sysdata.node = NUMA_NO_NODE;
	host->window = (struct resource){
		.name = "vnvme",
		.start = window + index * size,
		.end = window + (index + 1) * size - 1,
		.flags = IORESOURCE_MEM,
	};
	r = request_resource(&iomem_resource, &host->window);
	if (r < 0) {
		pr_err("vnvme: %pR is in use: is mem= missing on the command line?\n",
		       &host->window);
		return r;
	}
	pci_add_resource(&resources, &host->window);
	host->bus = pci_create_root_bus(NULL, 0, &config_space_ops, &host->sysdata, &resources);
	if (!host->bus) {
		pci_free_resource_list(&resources);
		release_resource(&host->window);
		return -ENOMEM;
	}
	pci_lock_rescan_remove();
	pci_scan_child_bus(host->bus);
	pci_assign_unassigned_bus_resources(host->bus);
	pci_bus_add_devices(host->bus);
	pci_unlock_rescan_remove();
	return 0;
}

static void remove_hosts(void)
{
	for (unsigned int i = 0; i < n_hosts; i++) {
		if (!hosts[i]->bus)
			continue;
		pci_lock_rescan_remove();
		pci_stop_root_bus(hosts[i]->bus);
		pci_remove_root_bus(hosts[i]->bus);
		pci_unlock_rescan_remove();
		release_resource(&hosts[i]->window);
	}
}

static void clean_up(void)
{
	tracing_end();
	remove_hosts();
	bus_unregister_notifier(&pci_bus_type, &bus_notifier);
	if (!IS_ERR_OR_NULL(thread))
		kthread_stop(thread);
	for (unsigned int i = 0; i < n_controllers; i++)
		controller_detach_bar(controllers[i]);
	events_exit();
	tree_free();
}

static int __init vnvme_init(void)
{
	int r;

	r = tree_parse(topology);
	if (r < 0) {
		pr_err("vnvme: topology \"%s\": error %d\n", topology, r);
		tree_free();
		return r;
	}
	r = events_init();
	if (r < 0) {
		tree_free();
		return r;
	}
	bus_register_notifier(&pci_bus_type, &bus_notifier);
	thread = kthread_run(poll_all, NULL, "vnvme");
	r = PTR_ERR_OR_ZERO(thread);
	for (unsigned int i = 0; r == 0 && i < n_hosts; i++)
		r = add_host(hosts[i], i);
	if (r == 0)
		r = tracing_begin(trace);
	if (r < 0)
		clean_up();
	return r;
}

static void __exit vnvme_exit(void)
{
	clean_up();
}

module_init(vnvme_init);
module_exit(vnvme_exit);
MODULE_DESCRIPTION("NVMe controllers in memory, with latencies and faults");
MODULE_LICENSE("GPL");
