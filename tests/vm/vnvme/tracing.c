// SPDX-License-Identifier: GPL-2.0-only
/* Records an event whenever a kernel function named by trace= is entered or left. */

#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "vnvme.h"

#define PROBES_MAX 24

static struct probe {
	struct kretprobe probe;
	char *name;
} probes[PROBES_MAX];
static unsigned int n_probes;

static const char *name_of(struct kretprobe_instance *instance)
{
	return container_of(get_kretprobe(instance), struct probe, probe)->name;
}

static int on_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	event_add_trace(name_of(instance), 1);
	return 0;
}

static int on_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	event_add_trace(name_of(instance), 0);
	return 0;
}

int tracing_begin(const char *functions)
{
	char *copy = kstrdup(functions, GFP_KERNEL), *rest = copy, *name;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && rest && (name = strsep(&rest, ",")) && *name) {
		struct probe *p = &probes[n_probes];

		if (n_probes == PROBES_MAX) {
			r = -ENOSPC;
			break;
		}
		p->name = kstrdup(name, GFP_KERNEL);
		p->probe = (struct kretprobe){
			.kp.symbol_name = p->name,
			.entry_handler = on_entry,
			.handler = on_return,
			.maxactive = 1024,
		};
		r = p->name ? register_kretprobe(&p->probe) : -ENOMEM;
		if (r < 0) {
			pr_err("vnvme: cannot trace %s: error %d\n", name, r);
			kfree(p->name);
		} else {
			n_probes++;
		}
	}
	kfree(copy);
	return r;
}

void tracing_end(void)
{
	while (n_probes > 0) {
		n_probes--;
		unregister_kretprobe(&probes[n_probes].probe);
		kfree(probes[n_probes].name);
	}
}
