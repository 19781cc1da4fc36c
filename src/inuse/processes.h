/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to inuse. Which live processes have a block or character device of the topology open or
 * mapped.
 *   - The calling process itself is left out.
 *   - A process that ends meanwhile is ignored.
 *   - A process that may not be looked at is a doubt. */
#pragma once

#include "inuse/state.h"

/* Walks over:
 *   /proc/PID/fd;
 *   /proc/PID/task/TID/fd of each thread that has files of its own (unshare(CLONE_FILES)) or
 *   outlives its leader;
 *   "UserFiles" in the fdinfo of each io_uring (io_uring_show_fdinfo(), 6.1): registered files stay
 *   open without a descriptor.
 * Descriptors on their way through a socket (SCM_RIGHTS) show nowhere. A child process looks up the
 * names of registered files, for at most a second for each ring. Returns 0 or -ENOMEM. */
int inuse_read_open_files(Inuse *inuse) _must_check_;

/* Walks over the mappings, which outlive their descriptors. Each is identified by the device number
 * of the mapped file (/proc/PID/map_files), as its path is that of the process's own mount
 * namespace. Reading maps takes ten times as long as walking over fd. Returns 0 or -ENOMEM. */
int inuse_read_mappings(Inuse *inuse) _must_check_;
