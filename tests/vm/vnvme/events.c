// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events with their times, on CLOCK_MONOTONIC. /proc/vnvme shows them and takes marks; at the end
 * of device_shutdown() the console gets a report:
 *   vnvme: device_shutdown N us
 *   vnvme: event MONOTONIC-US INDEX NAME VALUE      (a mark has index -1 and its text as name)
 *   vnvme: trace MONOTONIC-US PID COMM FUNCTION 1|0 (entered or left)
 *   vnvme: controller INDEX ADDRESS SERIAL clean|unclean|gone|off shn=N after_shn=N dirty=BYTES
 *   vnvme: end
 */

#include <linux/kprobes.h>
#include <linux/proc_fs.h>
#include <linux/reboot.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/syscore_ops.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "vnvme.h"

#define EVENTS_MAX 65536
#define MARKS_MAX 64
#define MARK_SIZE 24

struct event {
	ktime_t when;
	int index;
	const char *name;
	u32 value;
	pid_t pid; /* of a trace; 0: not a trace */
	char comm[TASK_COMM_LEN];
};

static struct event *events;
static unsigned int n_events, n_lost;
static char marks[MARKS_MAX][MARK_SIZE];
static unsigned int n_marks;
static DEFINE_SPINLOCK(lock);
static ktime_t shutdown_began;

static void add(int index, const char *name, u32 value, const struct task_struct *task)
{
	unsigned long flags;
	struct event *e;

	spin_lock_irqsave(&lock, flags);
	if (n_events < EVENTS_MAX) {
		e = &events[n_events++];
		*e = (struct event){
			.when = ktime_get(), .index = index, .name = name, .value = value};
		if (task) {
			e->pid = task->pid;
			memcpy(e->comm, task->comm, TASK_COMM_LEN);
		}
	} else {
		n_lost++;
	}
	spin_unlock_irqrestore(&lock, flags);
}

void event_add(const struct controller *c, const char *name, u32 value)
{
	add(c->index, name, value, NULL);
}

void event_add_trace(const char *name, u32 value)
{
	add(0, name, value, current);
}

static const char *condition(const struct controller *c)
{
	if (c->csts == ~0U)
		return "gone";
	if (!(c->cc & NVME_CC_ENABLE))
		return "off";
	return (c->csts & NVME_CSTS_SHST_MASK) == NVME_CSTS_SHST_CMPLT ? "clean" : "unclean";
}

static int address_of(const struct controller *c, char *text, size_t size)
{
	const struct host *host = c->node->host;

	for (unsigned int i = 0; i < 256; i++)
		if (host->owner[i] && host->owner[i]->children[c->node->devfn] == c->node)
			return snprintf(text, size, "%04x:%02x:%02x.%x", host->sysdata.domain, i,
					PCI_SLOT(c->node->devfn), PCI_FUNC(c->node->devfn));
	return snprintf(text, size, "%04x:00:%02x.%x", host->sysdata.domain,
			PCI_SLOT(c->node->devfn), PCI_FUNC(c->node->devfn));
}

typedef void (*line_function)(void *context, const char *line);

static void report(line_function line, void *context)
{
	char text[128], address[32];

	for (unsigned int i = 0; i < n_events; i++) {
		const struct event *e = &events[i];

		if (e->pid)
			snprintf(text, sizeof(text), "trace %lld %d %s %s %u", ktime_to_us(e->when),
				 e->pid, e->comm, e->name, e->value);
		else
			snprintf(text, sizeof(text), "event %lld %d %s %u", ktime_to_us(e->when),
				 e->index, e->name, e->value);
		line(context, text);
	}
	if (n_lost > 0) {
		snprintf(text, sizeof(text), "lost %u events", n_lost);
		line(context, text);
	}
	for (unsigned int i = 0; i < n_controllers; i++) {
		const struct controller *c = controllers[i];

		address_of(c, address, sizeof(address));
		snprintf(text, sizeof(text),
			 "controller %u %s VNVME%03u %s shn=%u after_shn=%u dirty=%llu", c->index,
			 address, c->index, condition(c), c->n_shn, c->n_after_shn, c->dirty_bytes);
		line(context, text);
	}
}

static void print_line(void *context, const char *line)
{
	pr_emerg("vnvme: %s\n", line);
}

static void seq_line(void *context, const char *line)
{
	seq_printf(context, "%s\n", line);
}

static int show(struct seq_file *file, void *data)
{
	report(seq_line, file);
	return 0;
}

static int proc_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, show, NULL, (n_events + n_controllers + 1) * 96);
}

/* "clear" deletes all events; any other word is a mark. */
static ssize_t proc_write(struct file *file, const char __user *buffer, size_t size, loff_t *pos)
{
	char text[MARK_SIZE] = {};

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buffer, size))
		return -EFAULT;
	strim(text);
	if (!strcmp(text, "clear")) {
		n_events = n_marks = n_lost = 0;
	} else {
		if (n_marks == MARKS_MAX)
			return -ENOSPC;
		strscpy(marks[n_marks], text, MARK_SIZE);
		add(-1, marks[n_marks++], 0, NULL);
	}
	return size;
}

static const struct proc_ops proc_ops = {
	.proc_open = proc_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
	.proc_write = proc_write,
};

/* The last notifier: device_shutdown() follows. */
static int on_reboot(struct notifier_block *block, unsigned long action, void *data)
{
	shutdown_began = ktime_get();
	add(-1, "kernel-pass", 0, NULL);
	return NOTIFY_DONE;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = on_reboot,
	.priority = INT_MIN,
};

static void print_report(void)
{
	static bool is_printed;
	s64 us = ktime_us_delta(ktime_get(), shutdown_began);

	if (is_printed)
		return;
	is_printed = true;
	pr_emerg("vnvme: device_shutdown %lld us\n", us);
	report(print_line, NULL);
	pr_emerg("vnvme: end\n");
}

/* The argument of a syscore callback depends on the kernel (Makefile). */
#ifdef HAVE_REGISTER_SYSCORE
#define SYSCORE_ARGUMENT void *data
#else
#define SYSCORE_ARGUMENT void
#endif

/* The kernel calls this immediately after device_shutdown(). */
static void on_syscore_shutdown(SYSCORE_ARGUMENT)
{
	print_report();
}

static struct syscore_ops shutdown_ops = {
	.shutdown = on_syscore_shutdown,
};

#ifdef HAVE_REGISTER_SYSCORE
static struct syscore on_shutdown = {.ops = &shutdown_ops};
#else
#define on_shutdown shutdown_ops
#define register_syscore register_syscore_ops
#define unregister_syscore unregister_syscore_ops
#endif

/* With kexec Linux 6.1 does not call that; machine_shutdown() follows soon. */
static int on_machine_shutdown(struct kprobe *probe, struct pt_regs *regs)
{
	print_report();
	return 0;
}

static struct kprobe machine_shutdown_probe = {
	.symbol_name = "machine_shutdown",
	.pre_handler = on_machine_shutdown,
};

int events_init(void)
{
	int r;

	events = vzalloc(EVENTS_MAX * sizeof(*events));
	if (!events)
		return -ENOMEM;
	if (!proc_create("vnvme", 0600, NULL, &proc_ops)) {
		vfree(events);
		return -ENOMEM;
	}
	r = register_kprobe(&machine_shutdown_probe);
	if (r < 0) {
		remove_proc_entry("vnvme", NULL);
		vfree(events);
		return r;
	}
	register_reboot_notifier(&reboot_notifier);
	register_syscore(&on_shutdown);
	return 0;
}

void events_exit(void)
{
	unregister_syscore(&on_shutdown);
	unregister_reboot_notifier(&reboot_notifier);
	unregister_kprobe(&machine_shutdown_probe);
	remove_proc_entry("vnvme", NULL);
	vfree(events);
}
