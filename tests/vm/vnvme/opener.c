// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hidden user of a block device: it opens the device without a claim, from within the kernel,
 * and reads its first page all the time. No list of users has it; only the device's I/O counters
 * show it.
 */

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>

static char *device = "";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "path of the block device");

static unsigned int period_us = 2000;
module_param(period_us, uint, 0444);
MODULE_PARM_DESC(period_us, "time between two reads");

static struct block_device *bdev;
static struct page *page;
static struct task_struct *thread;

/* Without a holder (before 6.5: without FMODE_EXCL): no claim. */
#ifdef HAVE_BDEV_FILE
static struct file *file;

static struct block_device *open_device(void)
{
	file = bdev_file_open_by_path(device, BLK_OPEN_READ, NULL, NULL);
	return IS_ERR(file) ? ERR_CAST(file) : file_bdev(file);
}

static void close_device(void)
{
	bdev_fput(file);
}
#else
static struct block_device *open_device(void)
{
	return blkdev_get_by_path(device, FMODE_READ, NULL);
}

static void close_device(void)
{
	blkdev_put(bdev, FMODE_READ);
}
#endif

static int read_all_the_time(void *data)
{
	while (!kthread_should_stop()) {
		struct bio_vec vec;
		struct bio bio;

		bio_init(&bio, bdev, &vec, 1, REQ_OP_READ);
		__bio_add_page(&bio, page, PAGE_SIZE, 0);
		/* fails when the device is gone, ignoring */
		submit_bio_wait(&bio);
		bio_uninit(&bio);
		usleep_range(period_us, period_us + 10);
	}
	return 0;
}

static int __init opener_init(void)
{
	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	bdev = open_device();
	if (IS_ERR(bdev)) {
		__free_page(page);
		return PTR_ERR(bdev);
	}
	thread = kthread_run(read_all_the_time, NULL, "opener");
	if (IS_ERR(thread)) {
		close_device();
		__free_page(page);
		return PTR_ERR(thread);
	}
	return 0;
}

static void __exit opener_exit(void)
{
	kthread_stop(thread);
	close_device();
	__free_page(page);
}

module_init(opener_init);
module_exit(opener_exit);
MODULE_DESCRIPTION("Reads a block device that it opened without a claim");
MODULE_LICENSE("GPL");
