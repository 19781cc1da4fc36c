/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes by descriptor. glibc knows pidfd_open() and P_PIDFD from 2.36 on, Linux pidfd_open(2)
 * from 5.3 and waitid(2) of a pidfd from 5.4. */
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/util.h"

/* A descriptor, close-on-exec, that can be read from (poll(2)) when the process has ended; -errno.
 */
_must_check_ static inline int pidfd_of(pid_t pid) {
        long fd = syscall(SYS_pidfd_open, pid, 0);

        return fd < 0 ? -errno : (int) fd;
}

/* waitid(2) with its options, for the child of that descriptor. 0 or -errno. */
_must_check_ static inline int pidfd_wait(int fd, siginfo_t *ret, int options) {
        const idtype_t p_pidfd = 3; /* linux/wait.h, which redefines what sys/wait.h has */

        return waitid(p_pidfd, (id_t) fd, ret, options) < 0 ? -errno : 0;
}
