/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the nvme driver complains of in the kernel log, from a moment on. */
#pragma once

#include "base/util.h"

typedef struct DriverLog {
        int fd;
        int error; /* 0; or -errno: it can't be read, or has been overrun (-EPIPE) */
} DriverLog;

#define DRIVER_LOG_INIT ((DriverLog){ .fd = -1, .error = -EBADF })

/* As long as a name can be: "nvme" and a number. */
#define DRIVER_LOG_NAME_MAX 32

/* Opens /dev/kmsg below root_fd and goes to its end. Nothing of what is there already is read: the
 * kernel keeps a place in its log for each descriptor (devkmsg_llseek(), 6.1). A failure is kept
 * for driver_log_next_complaint(). */
void driver_log_open(int root_fd, DriverLog *log);

/* Goes to the end again: from here on. */
void driver_log_skip(DriverLog *log);

/* Finds the next complaint about a shutdown that was not completed. 1: name is set ("nvme3"); 0:
 * there is none up to the end, and none was missed; -errno: that can't be told. Never blocks. */
int driver_log_next_complaint(DriverLog *log, char name[static DRIVER_LOG_NAME_MAX]);

/* Accepts DRIVER_LOG_INIT. */
void driver_log_close(DriverLog *log);
