/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last question before a controller is taken: does anything mounted stand on it? */
#pragma once

#include "base/util.h"

/* Goes the way from each mount to the hardware, where inuse.h goes from the hardware to its users,
 * and shares nothing with it: neither device_tree nor the topology, nor anything that the
 * configuration could change. From the device number of each line in proc/self/mountinfo (of a
 * block device that is named as the source of an anonymous one, and of each member of a mounted
 * btrfs) through sys/dev/block, slaves/, a loop device's backing device (as the loop driver names
 * it) and the controllers that have a path to a multipath head to the PCI address. Returns 0 when
 * no mount leads there; 1 when one does, with why
 * ("/dev/... is mounted on /usr"); -errno when that can't be found out, which has to count as 1. */
int mount_guard(int root_fd, const char *address, char *why, size_t why_size) _must_check_;
