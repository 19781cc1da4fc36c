/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that a process has registered with io_uring: they stay open without a descriptor. */
#pragma once

#include "inuse/state.h"

/* Reads a ring's fdinfo, the file at path below proc_fd ("4711/fdinfo/5"), and calls visit with
 * type and device number of each registered file that is a device. The kernel gives names only
 * (__io_uring_show_fdinfo(), 6.1): the last component up to 6.6, the path as that process sees it
 * since. They are looked up in /dev, in the process's own root, and among the names of our blocks.
 * A path that leads nowhere is -ENOENT in the doubt that it becomes: a plain file that was deleted
 * and a device node that was deleted look the same. Returns what visit returns below 0, or 0 or
 * -ENOMEM. */
int inuse_rings_read(Inuse *inuse, int proc_fd, const char *pid, const char *path,
                     int (*visit)(void *userdata, mode_t type, dev_t devnum),
                     void *userdata) _must_check_;
