/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks systemd which way the machine goes down, by nvme-async-shutdown-pending: that program is
 * linked to libsystemd, ours is not, and it asks while we look at the devices. */
#pragma once

#include "config/config.h"

typedef struct PendingAction {
        pid_t pid; /* 0: none was started */
        int fd;    /* what it prints */
} PendingAction;

#define PENDING_ACTION_INIT ((PendingAction){ .fd = -1 })

/* Starts program, the path of nvme-async-shutdown-pending. 0 or -errno. */
int pending_action_start(PendingAction *pending, const char *program) _must_check_;

/* Waits for the answer, at the longest until deadline. 0: *ret_action is the way down; -ENOENT: the
 * machine is not shutting down; -ETIMEDOUT, or -EIO: it could not be found out (the program has
 * said why on stderr). Afterwards nothing of the program is left. */
int pending_action_finish(PendingAction *pending, usec_t deadline, Action *ret_action) _must_check_;

/* Ends the program where its answer is not wanted any more; accepts PENDING_ACTION_INIT. */
void pending_action_done(PendingAction *pending);
