/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What directories below /sys say: members of mounted btrfs, and devices that the kernel exports or
 * uses without claiming them. */
#pragma once

#include "inuse/state.h"

/* roots: where / and /usr are mounted from, as far as they are btrfs. With is_root_unclear any
 * btrfs may be the root's. An absent tree is fine. Returns 0 or -ENOMEM. */
int inuse_read_btrfs(Inuse *inuse, const dev_t *roots, size_t n_roots,
                     bool is_root_unclear) _must_check_;

/* nvmet (namespaces and passthru), LIO (udev_path, and what its fileio says), USB mass storage, the
 * heartbeat of ocfs2, rnbd-server, xen-blkback and SCST; drives below which a pblk may be. What
 * they name and can't be found is a doubt. Returns 0 or -ENOMEM. */
int inuse_read_targets(Inuse *inuse) _must_check_;
