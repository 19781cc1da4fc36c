/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /dev/console; see progress.h. */

#include "record/progress.h"

#include <fcntl.h>

int progress_open(int root_fd) {
        /* Without O_NONBLOCK the open would wait for a serial line's carrier, and a write until a
         * stopped terminal goes on. */
        int fd = openat(root_fd, "dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

void progress_show(int fd, size_t n_done, size_t n_steps, usec_t elapsed_usec) {
        char line[96];
        int n;

        if (fd < 0)
                return;
        /* Each report is a line of its own: the kernel and systemd write in between, and it stays
         * readable in a serial log. */
        n = snprintf(line, sizeof(line), "NVMe shutdown: %zu of %zu done, %.1f s\r\n", n_done,
                     n_steps, (double) elapsed_usec / 1e6);
        /* Progress is not worth an error message, ignoring. glibc wants the result to be used. */
        if (n > 0 && write(fd, line, (size_t) n) < 0)
                return;
}
