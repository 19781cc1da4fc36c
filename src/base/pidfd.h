/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes by descriptor. glibc has pidfd_open() and P_PIDFD since 2.36; Linux has pidfd_open(2)
 * since 5.3 and waitid(2) of a pidfd since 5.4. */
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/util.h"

/* Returns a close-on-exec descriptor that polls as readable once the process has exited, or
 * -errno. */
_must_check_ static inline int pidfd_of(pid_t pid) {
        long fd = syscall(SYS_pidfd_open, pid, 0);

        return fd < 0 ? -errno : (int) fd;
}

/* waitid(2) with its options, for a child by its descriptor. 0 or -errno. */
_must_check_ static inline int pidfd_wait(int fd, siginfo_t *ret, int options) {
        const idtype_t p_pidfd = 3; /* linux/wait.h, which can't be included beside sys/wait.h */

        return waitid(p_pidfd, (id_t) fd, ret, options) < 0 ? -errno : 0;
}
