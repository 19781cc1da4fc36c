/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds out which controllers are still in use. A controller whose use can't be
 * found out counts as in use. */
#pragma once

#include "model/topology.h"

typedef struct InuseOptions {
        bool claim; /* open each namespace with O_EXCL, and close it again */
} InuseOptions;

/* The three functions below are called in this order, the cheap ones first. A caller skips the
 * later ones when too few idle controllers are left. Each of them:
 *   - sets Block.use of what it finds in use;
 *   - sets Controller.use to the most telling use (UseKind) of all blocks that stand, at any depth,
 *     on one of the controller's namespaces;
 *   - keeps uses that an earlier call has set, unless it finds a more telling one;
 *   - marks PCIe controllers that the nvme driver owns. Fabrics and foreign controllers keep
 *     USE_NONE, and their namespaces are not opened;
 *   - marks every controller USE_UNKNOWN if it can't read or parse something.
 * root_fd: see file_open_root(). Return 0 or -ENOMEM. */

/* Reads the kernel's own tables:
 *   proc/self/mountinfo, by device number, never by path: systemd 253+ moves busy mounts;
 *   proc/swaps;
 *   sys/fs/btrfs/UUID/devices;
 *   configfs and sysfs of the drivers that export devices (exports_table in trees.c);
 *   with options->claim: whether open(dev/NAME, O_RDONLY|O_EXCL) fails, for each namespace that
 *   nothing else shows to be in use.
 * A child process looks up each path that may lie on a file server, for at most a second. */
int inuse_mark(int root_fd, const InuseOptions *options, Topology *topology) _must_check_;

/* Marks each device that a live process has open: through a descriptor of any of its threads, or
 * registered with io_uring. */
int inuse_mark_open(int root_fd, Topology *topology) _must_check_;

/* Marks each device that a live process has mapped. */
int inuse_mark_mapped(int root_fd, Topology *topology) _must_check_;
