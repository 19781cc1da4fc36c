/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vnvme: NVMe controllers that exist in memory only, below a PCIe hierarchy that also does. The
 * stock nvme driver binds to them. Unlike QEMU's controllers, and like real drives, they have a
 * shutdown that takes its time, a volatile cache, and faults.
 */
#pragma once

#include <linux/ktime.h>
#include <linux/nvme.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <linux/xarray.h>

#define VNVME_MAX 256
#define CONFIG_SIZE 256

/* BAR0: registers, doorbells of two queues, one MSI-X vector. */
#define BAR_SIZE 0x4000
#define BAR_DOORBELLS 0x1000
#define BAR_MSIX_TABLE 0x2000
#define BAR_MSIX_PBA 0x3000

#define QUEUE_ENTRIES 128
#define N_QUEUES 2 /* the admin queue and one for I/O */

/* Offset of the MSI-X capability in the config space of a controller. */
#define CAP_MSIX 0x50

enum node_kind { NODE_ROOT_PORT, NODE_UPSTREAM, NODE_DOWNSTREAM, NODE_CONTROLLER };

struct host;

/* A PCI function. */
struct pci_node {
	enum node_kind kind;
	u8 devfn;
	struct host *host;
	struct pci_node *children[256]; /* of a bridge, by devfn on its secondary bus */
	unsigned int n_children;
	u8 config[CONFIG_SIZE];
	u8 writable[CONFIG_SIZE]; /* mask */
	struct controller *controller;
};

/* A host bridge with a PCI domain of its own. */
struct host {
	struct pci_sysdata sysdata;
	struct pci_bus *bus;
	struct pci_node *root[256];
	unsigned int n_root;
	unsigned int n_buses;	     /* below its bridges */
	struct pci_node *owner[256]; /* the bridge that has this bus number as its secondary one */
	struct resource window;
};

enum fault {
	FAULT_NEVER = 1 << 0,	    /* SHST stays at 01b */
	FAULT_NO_ADMIN = 1 << 1,    /* answers no admin command any more */
	FAULT_CFS = 1 << 2,	    /* CSTS.CFS is set at SHN, SHST stays at 01b */
	FAULT_GONE = 1 << 3,	    /* reads as all ones */
	FAULT_GONE_DURING = 1 << 4, /* the same, from the middle of the handshake on */
	FAULT_STRICT = 1 << 5,	    /* ignores every command after SHN */
};

struct queue {
	bool has_sq, has_cq;
	u64 sq_address, cq_address;
	u16 sq_size, cq_size;
	u16 sq_head, cq_tail;
	bool phase;
};

/* A completion that is due later. */
struct deferred {
	ktime_t due;
	u16 qid, cid;
};

struct controller {
	unsigned int index;
	struct pci_node *node;
	void __iomem *bar, *new_bar;
	resource_size_t bar_address;

	u32 cc; /* as last seen */
	u32 csts;
	struct queue queues[N_QUEUES];
	struct deferred deferred[QUEUE_ENTRIES];
	unsigned int n_deferred;
	bool irq_pending;
	ktime_t shst_due, gone_due; /* 0: nothing is due */

	struct xarray store; /* pages, by offset; a missing one reads as zero */
	u64 dirty_bytes;     /* written and covered by neither a Flush nor a shutdown */

	u32 n_shn;	 /* shutdown notifications ever */
	u32 n_after_shn; /* commands that came while CC.SHN was set */
};

/* main.c: parameters; the lists repeat their last element. */
extern unsigned int ns_mib, idle_poll_us;
unsigned int latency_us_of(const struct controller *c);
unsigned int rtd3e_us_of(const struct controller *c);
bool has_cache(const struct controller *c);
unsigned int flush_us_of(const struct controller *c);
u32 faults_of(const struct controller *c);
extern struct controller *controllers[VNVME_MAX];
extern unsigned int n_controllers;
extern struct host *hosts[VNVME_MAX];
extern unsigned int n_hosts;

/*
 * tree.c: makes hosts[] and controllers[] from a text:
 *   hosts = host { ";" host }         each host bridge has its own PCI domain
 *   host  = node { "," node }
 *   node  = [ COUNT "*" ] ( "N" | ( "R" | "U" | "D" ) "(" node { "," node } ")" )
 * N a controller, R a root port, U and D a switch's upstream and downstream port. 0 or -errno.
 */
int tree_parse(const char *text);
void tree_free(void);

/* config_space.c */
extern struct pci_ops config_space_ops;
void config_space_init(struct pci_node *node);
/* Whether the address of MSI-X vector 0 may be used: it is enabled and not masked. */
bool config_space_msix_enabled(const struct pci_node *node);
struct pci_node *config_space_node(struct pci_bus *bus, unsigned int devfn);

/* controller.c: one thread runs all controllers, so nothing there needs a lock. */
void controller_attach_bar(struct controller *c, resource_size_t address);
void controller_detach_bar(struct controller *c);
/* Returns whether it should be polled again soon. */
bool controller_poll(struct controller *c, ktime_t now);
bool controller_is_gone(const struct controller *c);
void controller_complete(struct controller *c, u16 qid, u16 cid, u16 status, u32 result);
void controller_defer(struct controller *c, ktime_t due, u16 qid, u16 cid);

/* commands.c */
void command_execute(struct controller *c, u16 qid, const struct nvme_command *cmd);

/* store.c: any offset and length; 0 or -ENOMEM. */
int store_write(struct controller *c, u64 offset, const void *data, size_t size);
void store_read(struct controller *c, u64 offset, void *data, size_t size);
void store_free(struct controller *c);

/* events.c: events with their times, and the report at the end of device_shutdown(). */
int events_init(void);
void events_exit(void);
/* name must be a literal. */
void event_add(const struct controller *c, const char *name, u32 value);
/* Of the current task, not of a controller. */
void event_add_trace(const char *name, u32 value);

/* tracing.c: functions are names with commas between them, "" for none. 0 or -errno; tracing_end()
 * is needed in either case. */
int tracing_begin(const char *functions);
void tracing_end(void);
