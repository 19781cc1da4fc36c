/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Topologies for tests, in a few words. All functions abort when out of memory. */
#pragma once

#include "config/config.h"
#include "model/topology.h"

/* A bridge; parent is an address, or NULL for a root. Returns its index. */
size_t build_bridge(Topology *t, DeviceKind kind, const char *address, const char *parent);

/* A live PCIe controller bound to nvme, model "Test", serial "S-<name>". */
size_t build_nvme(Topology *t, const char *name, const char *address, const char *parent);

/* An NVMe function that another driver owns; driver NULL: none does. */
size_t build_foreign(Topology *t, const char *address, const char *parent, const char *driver);

/* A block device with the number 259:number that stands on the block below, or TOPOLOGY_NONE. Returns its
 * index. */
size_t build_block(Topology *t, BlockKind kind, const char *name, unsigned number, size_t below);

/* A namespace of the controller at that address. Returns its index. */
size_t build_namespace(Topology *t, const char *address, const char *name, unsigned number);

void build_physfn(Topology *t, const char *virtual_function, const char *physical_function);

/* The controller is in use, with that detail. */
void build_use(Topology *t, const char *address, UseKind kind, const char *detail);

/* The tree that was discussed for the kernel in 2022:
 *   host bridge pci0000:00
 *     root port 0000:00:00.0
 *       A: nvme0 0000:01:00.0
 *       upstream port 0000:02:00.0
 *         downstream port 0000:03:00.0
 *           B: nvme1 0000:04:00.0
 *         downstream port 0000:03:00.1
 *           C: nvme2 0000:05:00.0
 * seed: the order in which devices are added; 0: the order above. */
void build_switch_tree(Topology *t, unsigned seed);

/* The built-in defaults, with Enabled=yes. */
Config build_config(void);
