/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine as plain data: bridges and controllers as a forest, block devices as a graph above.
 */
#pragma once

#include <sys/types.h>

#include "base/util.h"

/* Index into Topology.devices or Topology.blocks that points nowhere. */
#define TOPOLOGY_NONE SIZE_MAX

typedef enum DeviceKind {
        DEVICE_HOST_BRIDGE,     /* "pci0000:00" */
        DEVICE_ROOT_PORT,       /* PCIe capability, port type 4 */
        DEVICE_UPSTREAM_PORT,   /* port type 5: the switch's side towards the root */
        DEVICE_DOWNSTREAM_PORT, /* port type 6 */
        DEVICE_BRIDGE,          /* any other PCI bridge */
        DEVICE_VMD,             /* Intel VMD endpoint: parent of a PCI domain of its own */
        DEVICE_CONTROLLER,      /* an NVMe controller, with Device.controller set */
        DEVICE_FOREIGN,         /* an NVMe PCI function that the nvme driver does not own */
        DEVICE_FABRICS,         /* parent of the controllers that are not on PCIe */
        _DEVICE_KIND_MAX,
        _DEVICE_KIND_INVALID = -EINVAL,
} DeviceKind;

/* What still needs a controller. Ordered: the most telling one is reported. */
typedef enum UseKind {
        USE_NONE,
        USE_UNKNOWN, /* could not be found out: counts as used */
        USE_OPEN,    /* a live process has it open */
        USE_CLAIM,   /* O_EXCL says that somebody in the kernel claims it (ZFS, drbd, a detached
                        mount) */
        USE_TARGET,  /* exported through configfs (nvmet, LIO) */
        USE_HOLDER,  /* md, dm, bcache, loop, ... */
        USE_BTRFS,   /* member of a mounted btrfs */
        USE_SWAP,
        USE_MOUNT,
        USE_ROOT, /* mounted on / or /usr */
        _USE_KIND_MAX,
        _USE_KIND_INVALID = -EINVAL,
} UseKind;

typedef struct Use {
        UseKind kind;
        char *detail; /* for people, e.g. "/dev/nvme0n1p1 is mounted on /"; NULL for USE_NONE */
} Use;

typedef struct Controller {
        char *name;  /* "nvme3"; never NULL */
        char *model; /* may be NULL where sysfs did not tell; so may the next four */
        char *serial;
        char *nqn;            /* subsystem NQN */
        char *transport;      /* "pcie", "tcp", ... */
        char *state;          /* "live", ... */
        char *driver;         /* "nvme"; another driver for DEVICE_FOREIGN, or NULL: unbound */
        usec_t rtd3e_usec;    /* what it says that its shutdown takes; 0: not known */
        usec_t measured_usec; /* what its shutdown has taken; 0: not known */
        uint64_t n_sectors;   /* read and written on all its namespaces when they were listed
                                 (block_count_sectors()); UINT64_MAX: not known */
        Use use;              /* filled by usage */
} Controller;

typedef struct Device {
        DeviceKind kind;
        char *address;  /* "0000:01:00.0", "pci0000:00"; a fabrics controller has its name here */
        size_t parent;  /* TOPOLOGY_NONE for a root */
        size_t physfn;  /* of an SR-IOV virtual function: the physical one */
        unsigned n_vfs; /* of a physical function: how many virtual ones are enabled; UINT_MAX where
                           that can't be read */
        Controller *controller; /* for DEVICE_CONTROLLER and DEVICE_FOREIGN, else NULL */
} Device;

typedef enum BlockKind {
        BLOCK_NAMESPACE, /* a disk that belongs to one controller or, a multipath head, to several
                          */
        BLOCK_PARTITION,
        BLOCK_HOLDER, /* md, dm, loop, bcache, ...: stands on other blocks */
        _BLOCK_KIND_MAX,
        _BLOCK_KIND_INVALID = -EINVAL,
} BlockKind;

typedef struct Block {
        BlockKind kind;
        char *name;    /* "nvme0n1p1", "md0" */
        dev_t devnum;  /* 0 where unknown */
        size_t *users; /* blocks that stand on this one: its partitions and its holders */
        size_t n_users;
        size_t *controllers; /* BLOCK_NAMESPACE: the devices that lead to it */
        size_t n_controllers;
        Use use; /* filled by usage: what needs this very block, not what stands on it */
} Block;

typedef struct Topology {
        Device *devices;
        size_t n_devices;
        Block *blocks;
        size_t n_blocks;
        /* Private: tsearch(3) trees of what the lists hold. */
        struct {
                void *addresses; /* of devices */
                void *names;     /* of blocks */
                void *devnums;   /* of blocks */
        } index;
} Topology;

#define TOPOLOGY_INIT ((Topology){})

void topology_done(Topology *topology);

const char *device_kind_to_string(DeviceKind kind);
const char *block_kind_to_string(BlockKind kind);
const char *use_kind_to_string(UseKind kind);

/* Both return the new element's index, or -errno as a negative ssize_t. The strings are copied. A
 * controller's own strings are set by the caller afterwards (Device.controller is allocated for
 * DEVICE_CONTROLLER and DEVICE_FOREIGN; all its strings are NULL). */
ssize_t topology_add_device(Topology *topology, DeviceKind kind, const char *address) _must_check_;
ssize_t topology_add_block(Topology *topology, BlockKind kind, const char *name,
                           dev_t devnum) _must_check_;

/* An NVMe function that nobody drives: never bound, or unbound by an earlier stage. There is
 * nothing to do for it and nothing to say about it. */
bool device_is_undriven(const Device *device);

/* TOPOLOGY_NONE when there is none. By an index, so that the cost of a lookup does not grow with
 * the topology; it knows the address, name and number that an element was added with. */
size_t topology_find_device(const Topology *topology, const char *address);
size_t topology_find_block(const Topology *topology, const char *name);
size_t topology_find_devnum(const Topology *topology, dev_t devnum);

/* Both keep the lists free of doubles. 0 or -ENOMEM. */
int topology_link_user(Topology *topology, size_t block, size_t user) _must_check_;
int topology_link_controller(Topology *topology, size_t block, size_t device) _must_check_;

/* Puts devices and blocks into an order that does not depend on enumeration: by PCI address
 * (domain, bus, device, function as numbers), then by name; indices inside are rewritten. 0 or
 * -ENOMEM. */
int topology_sort(Topology *topology) _must_check_;

/* Keeps the more telling of the two uses; takes detail over (may be NULL only for USE_NONE). */
void use_raise(Use *use, UseKind kind, char *detail);
