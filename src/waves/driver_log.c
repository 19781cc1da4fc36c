/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /dev/kmsg; see driver_log.h. */

#include "waves/driver_log.h"

#include <fcntl.h>

/* The kernel's limit for one record (CONSOLE_EXT_LOG_MAX, 6.1). */
#define RECORD_MAX 8192
#define DRIVER_PREFIX "nvme "

void driver_log_open(int root_fd, DriverLog *log) {
        *log = DRIVER_LOG_INIT;
        log->fd = openat(root_fd, "dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (log->fd < 0) {
                log->error = -errno;
                return;
        }
        driver_log_skip(log);
}

void driver_log_skip(DriverLog *log) {
        if (log->fd >= 0)
                log->error = lseek(log->fd, 0, SEEK_END) < 0 ? -errno : 0;
}

void driver_log_close(DriverLog *log) {
        close_fd(&log->fd);
        *log = DRIVER_LOG_INIT;
}

/* "4,1234,5678901,-;nvme nvme3: Device shutdown incomplete; abort shutdown" (up to 6.1), or
 * "... Device not ready; aborting shutdown, CSTS=0x1" (6.2 and later). */
static bool parse_complaint(char *record, char *name) {
        char *text = strchr(record, ';'), *message;
        size_t n;

        if (!text || !STARTSWITH(++text, DRIVER_PREFIX))
                return false;
        text += strlen(DRIVER_PREFIX);
        /* The device's properties follow on lines of their own. */
        text[strcspn(text, "\n")] = '\0';
        n = strcspn(text, ": ");
        message = text + n;
        if (n >= DRIVER_LOG_NAME_MAX || !STARTSWITH(message, ": ") || !strstr(message, "abort") ||
            !strstr(message, "shutdown"))
                return false;
        memcpy(name, text, n);
        name[n] = '\0';
        return true;
}

int driver_log_next_complaint(DriverLog *log, char name[static DRIVER_LOG_NAME_MAX]) {
        char record[RECORD_MAX + 1];

        while (log->fd >= 0) {
                ssize_t n = read(log->fd, record, RECORD_MAX);

                if (n < 0 && errno == EINTR)
                        continue;
                /* EPIPE: records were overwritten; the next read continues with the oldest one. */
                if (n < 0 && errno != EAGAIN)
                        log->error = -errno;
                if (n < 0 && errno == EPIPE)
                        continue;
                if (n <= 0)
                        break;
                record[n] = '\0';
                if (parse_complaint(record, name))
                        return 1;
        }
        return log->error;
}
