/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Adds namespaces and all that stands on them to a topology. Private to this room. */
#pragma once

#include "tree/device_blocks.h"

/* Adds the namespaces of the topology's controllers, their partitions and all their holders. A
 * block whose holders can't be listed gets USE_UNKNOWN. 0, -ENOMEM, or -errno if a subsystem can't
 * be listed: then the controllers of a multipath head are not known. */
int block_list_link(const BlockList *list, int root_fd, Topology *topology) _must_check_;
