/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What udev found on a block device when it last looked. */
#pragma once

#include "model/topology.h"

/* Reads the kind of content of a namespace or partition: udev's ID_FS_TYPE ("zfs_member", "drbd",
 * "linux_raid_member", "isw_raid_member", "bcache", "ext4"), else the one that the type of the
 * partition promises. It says what the device was made for, not that anything uses it. The live root
 * is answered by udev's database, a recorded one by the lines "content" and "label" of the node's file
 * (recorded.h).
 *
 * ret_label: the name that the content bears (ID_FS_LABEL: of a ZFS member its pool's), NULL if it has
 * none; may be NULL. The caller frees both texts, which are printable ASCII.
 *
 *   0: success.
 *   -ENODATA: nothing was found, or udev does not know the device.
 *   -ENOMEM. */
int content_read(int root_fd, const Block *block, char **ret_kind, char **ret_label) _must_check_;
