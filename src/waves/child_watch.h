/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waits for the end of any of many children, or for the wish to stop.
 *
 * Not by sd-event: libsystemd brings eight libraries with it (9 of 11 MB that are mapped). A
 * shutdown would read them from the disk in its last second, and every fork() copies their
 * mappings. */
#pragma once

#include "base/util.h"

typedef struct ChildWatch {
        int epoll_fd;
        int signal_fd;
        bool is_told_to_stop; /* SIGTERM or SIGINT has come */
} ChildWatch;

#define CHILD_WATCH_INIT ((ChildWatch){ .epoll_fd = -1, .signal_fd = -1 })

typedef enum ChildWatchEnd {
        CHILD_WATCH_ENDED = 1,
        CHILD_WATCH_TIMEOUT = 2,
        CHILD_WATCH_SIGNAL = 3,
} ChildWatchEnd;

/* Blocks SIGTERM and SIGINT: child_watch_wait() returns for them. SIGCHLD gets its default. 0 or
 * -errno. */
int child_watch_init(ChildWatch *watch) _must_check_;

/* Closes what child_watch_init() opened; accepts CHILD_WATCH_INIT. */
void child_watch_done(ChildWatch *watch);

/* Watches a child that has not been waited for, by pidfd: no other process's end is taken for its
 * own. number is what child_watch_wait() says of it. Returns the pidfd or -errno. */
int child_watch_add(ChildWatch *watch, pid_t pid, uint64_t number) _must_check_;

/* Watches it no more and closes its pidfd; -1 is accepted. Returns -1. */
int child_watch_remove(const ChildWatch *watch, int fd);

/* Waits until a child has ended, at the longest until deadline. CHILD_WATCH_ENDED: *ret_number is
 * set, and the same is said again until child_watch_remove(). Ends that are there already go before
 * a signal, a signal goes before the deadline. -errno if there is no waiting. */
int child_watch_wait(ChildWatch *watch, usec_t deadline, uint64_t *ret_number) _must_check_;
