/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits for a child to exit, or for SIGTERM or SIGINT.
 *
 * This does not use sd-event: libsystemd brings eight libraries with it (9 of 11 MB that are
 * mapped). A shutdown would read them from the disk in its last second, and every fork() would copy
 * their mappings. */
#pragma once

#include "base/util.h"

typedef struct ChildWatch {
        int epoll_fd;
        int signal_fd;
        int event_fd;         /* -1, or of child_watch_add_event() */
        bool is_told_to_stop; /* SIGTERM or SIGINT has arrived */
} ChildWatch;

#define CHILD_WATCH_INIT ((ChildWatch){ .epoll_fd = -1, .signal_fd = -1, .event_fd = -1 })

typedef enum ChildWatchEnd {
        CHILD_WATCH_ENDED = 1,
        CHILD_WATCH_TIMEOUT = 2,
        CHILD_WATCH_SIGNAL = 3,
        CHILD_WATCH_EVENT = 4,
} ChildWatchEnd;

/* Blocks SIGTERM and SIGINT, which child_watch_wait() then reports, and gives SIGCHLD its default.
 * Returns 0 or -errno. */
int child_watch_init(ChildWatch *watch) _must_check_;

/* Closes what child_watch_init() opened; accepts CHILD_WATCH_INIT. */
void child_watch_done(ChildWatch *watch);

#define _cleanup_child_watch_ _cleanup_(child_watch_done)

/* Watches a child that has not been waited for yet, by pidfd: unlike a process ID, it can't come to
 * mean another process. child_watch_wait() returns number for it; UINT64_MAX and the number before it
 * are reserved.
 * Returns the pidfd, for child_watch_remove(), or -errno. */
int child_watch_add(ChildWatch *watch, pid_t pid, uint64_t number) _must_check_;

/* Makes event_fd, an eventfd by which children can end child_watch_wait(). Call it once. Returns 0 or
 * -errno. */
int child_watch_add_event(ChildWatch *watch) _must_check_;

/* Stops watching a child and closes its pidfd; accepts -1. Returns -1. */
int child_watch_remove(const ChildWatch *watch, int fd);

/* Blocks until a child has exited, a signal or an event has arrived, or the deadline has passed. The
 * one named first takes precedence. Returns
 *   CHILD_WATCH_ENDED    *ret_number is set; the same child is returned again until
 *                        child_watch_remove(),
 *   CHILD_WATCH_TIMEOUT  the deadline has passed,
 *   CHILD_WATCH_SIGNAL   SIGTERM or SIGINT has arrived; every later call returns it again,
 *   CHILD_WATCH_EVENT    event_fd was written to since the last time that this was returned,
 *   -errno               it was not possible to wait. */
int child_watch_wait(ChildWatch *watch, usec_t deadline, uint64_t *ret_number) _must_check_;
