/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to inuse. Directories of sysfs and configfs that name devices in use: members of mounted
 * btrfs, and devices that the kernel exports or uses without claiming them. */
#pragma once

#include "inuse/state.h"

/* Marks the members of each mounted btrfs.
 *   roots: the device numbers of the sources of / and /usr, as far as these are btrfs;
 *   is_root_unclear: any btrfs may be the root's.
 * A missing tree is no error. Returns 0 or -ENOMEM. */
int inuse_read_btrfs(Inuse *inuse, const dev_t *roots, size_t n_roots,
                     bool is_root_unclear) _must_check_;

/* Marks what these use:
 *   nvmet: namespaces and passthru;
 *   LIO: udev_path, and the file that its fileio back end names;
 *   USB mass storage, the heartbeat of ocfs2, rnbd-server, xen-blkback, SCST;
 *   pblk: any open-channel drive may be in use.
 * A device that is named and can't be found is a doubt. So is a loaded module whose devices can't
 * be listed (pNFS block layouts; targets without a mounted configfs). Returns 0 or -ENOMEM. */
int inuse_read_exports(Inuse *inuse) _must_check_;
