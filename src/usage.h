/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks what is still needed. An answer that can't be had counts as "in use". */
#pragma once

#include "topology.h"

typedef struct UsageOptions {
        bool check_open_files; /* walk /proc/PID: for the stages in which processes still live */
        bool claim;            /* open each namespace with O_EXCL (and close it again) */
} UsageOptions;

/* Sets Block.use of every block and Controller.use of every controller: the most telling use of
 * anything that stands, at any depth, on one of its namespaces. Reads, below root_fd:
 *   proc/self/mountinfo   by device number, never by path (systemd 253+ moves busy mounts);
 *   proc/swaps;  sys/fs/btrfs/UUID/devices;  sys/kernel/config/{nvmet,target};
 *   dev/NAME with O_RDONLY|O_EXCL;  proc/PID/{fd,maps}.
 * Only controllers on PCIe that the nvme driver owns are marked; of fabrics and foreign ones
 * Controller.use stays USE_NONE, and their namespaces are not opened. Uses that are there already
 * are kept: mark a topology once. A table that can't be read marks every controller USE_UNKNOWN
 * (absent btrfs and configfs trees are fine). Returns 0 or -ENOMEM. */
int usage_mark(int root_fd, const UsageOptions *options, Topology *topology) _must_check_;
