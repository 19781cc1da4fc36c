/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block devices of a topology: namespaces, and everything that stands on them. */
#pragma once

#include "tree/device_blocks.h"

/* Adds the namespaces of the topology's controllers, their partitions, and all their holders. A
 * block whose holders can't be listed gets USE_UNKNOWN. Returns 0, -ENOMEM, or -errno when a
 * subsystem can't be listed: then nobody knows whose a multipath head is. */
int block_list_link(const BlockList *list, int root_fd, Topology *topology) _must_check_;
