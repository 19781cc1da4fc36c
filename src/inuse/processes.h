/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which live processes have one of our block or character devices open or mapped. A process that
 * ends meanwhile is ignored, and so is this very one; a process that may not be looked at is a
 * doubt. */
#pragma once

#include "inuse/state.h"

/* Walks /proc/PID/fd, and /proc/PID/task/TID/fd of each thread that has files of its own
 * (unshare(CLONE_FILES)) or outlives its leader; with them the files that are registered with
 * io_uring and have no descriptor any more ("UserFiles" in fdinfo, io_uring_show_fdinfo(), 6.1).
 * Descriptors on their way through a socket (SCM_RIGHTS) show nowhere. Returns 0 or -ENOMEM. */
int inuse_read_open_files(Inuse *inuse) _must_check_;

/* Walks the mappings, which outlive their descriptors: by the device number of the mapped file
 * (/proc/PID/map_files), since its path is that of the process's own mount namespace. To read maps
 * takes ten times as long as to walk fd. Returns 0 or -ENOMEM. */
int inuse_read_mappings(Inuse *inuse) _must_check_;
