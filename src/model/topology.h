/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine as plain data: a forest of bridges and controllers, and above it a graph of block
 * devices. */
#pragma once

#include <sys/types.h>

#include "base/util.h"

/* Index into Topology.devices or Topology.blocks that points nowhere. */
#define TOPOLOGY_NONE SIZE_MAX

typedef enum DeviceKind {
        DEVICE_HOST_BRIDGE, /* "pci0000:00" */
        DEVICE_BRIDGE,      /* a PCI bridge: a root port, a port of a switch, or an old bridge */
        DEVICE_VMD,         /* Intel VMD endpoint: parent of a PCI domain of its own */
        DEVICE_CONTROLLER,  /* an NVMe controller, with Device.controller set */
        DEVICE_FOREIGN,     /* an NVMe PCI function that the nvme driver does not own */
        DEVICE_FABRICS,     /* parent of the controllers of NVMe over Fabrics */
        _DEVICE_KIND_MAX,
        _DEVICE_KIND_INVALID = -EINVAL,
} DeviceKind;

/* Why a block device is in use. By ascending importance: the most important is reported. */
typedef enum UseKind {
        USE_NONE,
        USE_UNKNOWN, /* can't be found out: counts as used */
        USE_OPEN,    /* a process has it open */
        USE_CLAIM,   /* O_EXCL fails: a kernel user claims it (ZFS, drbd, a detached mount) */
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
        char *model; /* NULL if sysfs has none; so are the next four */
        char *serial;
        char *nqn;          /* subsystem NQN */
        char *transport;    /* "pcie", "tcp", ... */
        char *state;        /* "live", ... */
        char *driver;       /* "nvme"; another driver for DEVICE_FOREIGN, or NULL: unbound */
        usec_t rtd3e_usec;  /* RTD3E, the longest that its shutdown may take; 0: not known */
        uint64_t n_sectors; /* read and written on all its namespaces when they were listed
                                 (block_count_sectors()); UINT64_MAX: not known */
        Use use;            /* set by the room inuse */
} Controller;

typedef struct Device {
        DeviceKind kind;
        char *address;  /* "0000:01:00.0", "pci0000:00"; the name of a fabrics controller */
        size_t parent;  /* TOPOLOGY_NONE for a root */
        size_t physfn;  /* the physical function of an SR-IOV virtual one, else TOPOLOGY_NONE */
        unsigned n_vfs; /* how many virtual functions of a physical one are enabled; UINT_MAX if
                           that can't be read */
        Controller *controller; /* of DEVICE_CONTROLLER and DEVICE_FOREIGN, else NULL */
} Device;

typedef enum BlockKind {
        BLOCK_NAMESPACE, /* the disk of a controller; a multipath head's may be of several */
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
        size_t *controllers; /* of a BLOCK_NAMESPACE: the devices that lead to it */
        size_t n_controllers;
        Use use; /* set by the room inuse: of this very block, not of those that stand on it */
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

#define _cleanup_topology_ _cleanup_(topology_done)

const char *device_kind_to_string(DeviceKind kind);
const char *use_kind_to_string(UseKind kind);

/* Add an element and return its index or -ENOMEM. The strings are copied. For DEVICE_CONTROLLER and
 * DEVICE_FOREIGN a zeroed Device.controller is allocated, which the caller fills. */
ssize_t topology_add_device(Topology *topology, DeviceKind kind, const char *address) _must_check_;
ssize_t topology_add_block(Topology *topology, BlockKind kind, const char *name,
                           dev_t devnum) _must_check_;

/* Whether this is an NVMe function without a driver: never bound, or unbound by an earlier stage.
 * It is neither acted on nor reported. */
bool device_is_undriven(const Device *device);

/* Whether its driver is letting go of it: the unbind of an earlier stage, or another one, is inside
 * the shutdown handshake. The link to the driver goes first then and the controller last
 * (__device_release_driver(), 6.1), so that its state can be read until the end. */
bool controller_is_going(const Controller *controller);

/* Find an element by the address, name or number that it was added with, or return TOPOLOGY_NONE.
 * The number 0 finds nothing. The time grows with the logarithm of the number of elements. */
size_t topology_find_device(const Topology *topology, const char *address);
size_t topology_find_block(const Topology *topology, const char *name);
size_t topology_find_devnum(const Topology *topology, dev_t devnum);

/* Duplicates are ignored. 0 or -ENOMEM. */
int topology_link_user(Topology *topology, size_t block, size_t user) _must_check_;
int topology_link_controller(Topology *topology, size_t block, size_t device) _must_check_;

/* Whether the device is one of the controllers of the block: below it, if it is a namespace. */
bool block_leads_to(const Block *block, size_t device);

/* Sorts devices by PCI address (domain, bus, device and function as numbers) and blocks by name, so
 * that their order does not depend on that of enumeration. Rewrites all indices. 0 or -ENOMEM. */
int topology_sort(Topology *topology) _must_check_;

/* Keeps the more important of the two uses. Takes ownership of detail, which may be NULL only for
 * USE_NONE. */
void use_raise(Use *use, UseKind kind, char *detail);
