/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks what is still needed. An answer that can't be had counts as "in use". */
#pragma once

#include "model/topology.h"

typedef struct InuseOptions {
        bool claim; /* open each namespace with O_EXCL (and close it again) */
} InuseOptions;

/* These three are called in this order, the cheap ones first: each marks more, and where an earlier
 * one has left too little to take, the caller leaves the later ones out. Each sets Block.use, and
 * Controller.use to the most telling use of anything that stands, at any depth, on one of its
 * namespaces. Uses that are there already are kept. Only controllers on PCIe that the nvme driver
 * owns are marked; of fabrics and foreign ones Controller.use stays USE_NONE, and their namespaces
 * are not opened. What can't be read or understood marks every controller USE_UNKNOWN. All return 0
 * or -ENOMEM.
 *
 * inuse_mark() reads, below root_fd, what the kernel itself says:
 *   proc/self/mountinfo   by device number, never by path (systemd 253+ moves busy mounts);
 *   proc/swaps;  sys/fs/btrfs/UUID/devices;  what trees.h names;
 *   dev/NAME with O_RDONLY|O_EXCL. */
int inuse_mark(int root_fd, const InuseOptions *options, Topology *topology) _must_check_;

/* Marks each device that a live process has open: the files of each thread, and those that are
 * registered with io_uring (processes.h). */
int inuse_mark_open(int root_fd, Topology *topology) _must_check_;

/* Marks each device that a live process has mapped. */
int inuse_mark_mapped(int root_fd, Topology *topology) _must_check_;
