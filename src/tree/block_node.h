/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens the node of a block device and checks that it has the expected number. */
#pragma once

#include <sys/types.h>

#include "base/util.h"

/* Opens dev/NAME below root_fd read-only. claim: opens it exclusively (O_EXCL), which fails while a
 * mount, swap, md, dm, ZFS or other kernel user claims the device or a part of it. Returns the
 * descriptor or -errno:
 *
 *   -EBUSY: the device is claimed.
 *   -ENOENT: the node is missing.
 *   -ESTALE: the node is another device. */
int block_node_open(int root_fd, const char *name, dev_t devnum, bool claim) _must_check_;

/* strerror() of an error of block_node_open(). */
const char *block_node_strerror(int error);
