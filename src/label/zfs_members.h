/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drives of ZFS pools, as udev's database knows them. ZFS gives its drives no holder, and the root's
 * mount names no device: to the engine they are claimed, by something. For people, and for the
 * question whether an exitrd pays; no drive is ever taken because of it. */
#pragma once

#include "model/topology.h"

/* Returns 0 if udev has found a member of a ZFS pool on the block, -ENODATA if not, or -ENOMEM.
 * ret_pool: its name, as udev encodes it, or NULL if udev has none; may be NULL; the caller frees it. */
int zfs_member_find_pool(int root_fd, const Block *block, char **ret_pool) _must_check_;

/* Gives USE_ROOT to each controller with a member of the pool that / or /usr is mounted from. Does
 * nothing where neither is on ZFS. Returns 0 or -ENOMEM. */
int zfs_members_mark_root(int root_fd, Topology *topology) _must_check_;
