/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drives of ZFS pools, as udev's database knows them. ZFS gives its drives no holder, and the root's
 * mount names no device: to the engine they are claimed, by something. For people, and for the
 * question whether an exitrd pays; no drive is ever taken because of it. */
#pragma once

#include "model/topology.h"

#define ZFS_POOL_MAX 256

/* Whether udev has found a member of a ZFS pool on the block. pool: its name, as udev encodes it. */
bool zfs_member_find_pool(int root_fd, const Block *block, char pool[static ZFS_POOL_MAX]);

/* Gives USE_ROOT to each controller with a member of the pool that / or /usr is mounted from. Does
 * nothing where neither is on ZFS. Returns 0 or -ENOMEM. */
int zfs_members_mark_root(int root_fd, Topology *topology) _must_check_;
