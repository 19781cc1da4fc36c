/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Topologies for tests, in a few words. Everything asserts that memory is there. */
#pragma once

#include "config/config.h"
#include "model/topology.h"

/* A bridge; parent is an address, or NULL for a root. Returns its index. */
size_t build_bridge(Topology *t, DeviceKind kind, const char *address, const char *parent);

/* A live PCIe controller bound to nvme, model "Test", serial "S-<name>". */
size_t build_nvme(Topology *t, const char *name, const char *address, const char *parent);

/* An NVMe function that some other driver owns; driver NULL: none. */
size_t build_foreign(Topology *t, const char *address, const char *parent, const char *driver);

void build_physfn(Topology *t, const char *virtual_function, const char *physical_function);

/* The controller is in use, with that detail. */
void build_use(Topology *t, const char *address, UseKind kind, const char *detail);

/* {root port 00:00.0: NVMe A 01:00.0; upstream port 02:00.0: downstream port 03:00.0 -> NVMe B
 * 04:00.0, downstream port 03:00.1 -> NVMe C 05:00.0}: the tree that was discussed for the kernel
 * in 2022. Names nvme0, nvme1, nvme2 for A, B, C. Devices are added in the order that seed gives.
 */
void build_switch_tree(Topology *t, unsigned seed);

/* The built-in defaults, with Enabled=yes. */
Config build_config(void);
