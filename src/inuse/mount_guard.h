/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last question before a controller is detached: does any mount stand on it? */
#pragma once

#include "base/util.h"

/* Follows each mount down to the hardware, whereas inuse.h looks from the hardware up to its users.
 * Shares nothing with it: neither device_tree nor the topology, nor anything that the configuration
 * could change.
 *
 * Starts from these device numbers:
 *   of each line in proc/self/mountinfo;
 *   of the block device that is the source of a mount with an anonymous number;
 *   of each member of a mounted btrfs (sys/fs/btrfs/UUID/devices).
 * Goes down by sys/dev/block, through:
 *   slaves/;
 *   the backing device of a loop device, as the loop driver names it;
 *   the controllers that have a path to a multipath head.
 * Ends at a directory with that PCI address.
 *
 * Returns:
 *   0: no mount leads to the address;
 *   1: one does; why is for people ("/dev/nvme0n1 on this controller is mounted on /usr");
 *   -errno: that can't be found out, which the caller has to take for 1. */
int mount_guard(int root_fd, const char *address, char *why, size_t why_size) _must_check_;
