/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens the node of a block device that is known by number, never a stranger of the same name. */
#pragma once

#include <sys/types.h>

#include "base/util.h"

/* Opens dev/NAME below root_fd read-only; with claim, exclusively (O_EXCL on a block device: fails
 * with -EBUSY while a mount, swap, md, dm, ZFS or other kernel user claims it or a part of it).
 * Returns the descriptor; -ENOENT when the node is missing; -ESTALE when it is another device;
 * or -errno. */
int block_node_open(int root_fd, const char *name, dev_t devnum, bool claim) _must_check_;

/* strerror() of a negative errno, in the words of this module for -ENOENT and -ESTALE. */
const char *block_node_strerror(int error);
