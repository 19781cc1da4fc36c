/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the nvme driver's complaints in the kernel log, from a given moment on. */
#pragma once

#include "base/util.h"

typedef struct DriverLog {
        int fd;
        int error; /* 0; or -errno: the log can't be read, or lost records (-EPIPE) */
} DriverLog;

#define DRIVER_LOG_INIT ((DriverLog){ .fd = -1, .error = -EBADF })

/* Longest name ("nvme" and a number), its NUL included. */
#define DRIVER_LOG_NAME_MAX 32

/* Opens /dev/kmsg below root_fd and goes to its end, so that no earlier record is read: the kernel
 * keeps a position for each descriptor (devkmsg_llseek(), 6.1). driver_log_next_complaint() reports
 * a failure. */
void driver_log_open(int root_fd, DriverLog *log);

/* Goes to the end again and forgets an earlier error. */
void driver_log_skip(DriverLog *log);

/* Finds the next complaint about a shutdown that did not complete. Never blocks. Returns
 *   1       name is the controller's ("nvme3"),
 *   0       there is no further one, and no record was lost,
 *   -errno  there is no further one in what could be read. */
int driver_log_next_complaint(DriverLog *log, char name[static DRIVER_LOG_NAME_MAX]);

/* Accepts DRIVER_LOG_INIT. */
void driver_log_close(DriverLog *log);
