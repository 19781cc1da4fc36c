/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals that devices have changed; read sysfs again to learn how. */
#pragma once

#include "base/util.h"

typedef struct Uevents Uevents;

/* Listens to the events of the kernel and, where it runs, of udevd, which come later: those about
 * controllers and block devices. Returns 0 or -errno. */
int uevents_new(Uevents **ret) _must_check_;

/* Returns NULL. */
Uevents *uevents_free(Uevents *uevents);

/* The descriptors for poll(2), the kernel's and udevd's: readable after an event. */
void uevents_fds(const Uevents *uevents, int ret_fds[2]);

/* Discards all pending events. */
void uevents_drain(Uevents *uevents);

/* Waits until deadline at most for udevd to finish, so that all links in /dev exist and udevd has no
 * device open any more. Returns 1 if it has finished or does not run, 0 at the deadline, or -errno.
 */
int uevents_settle(int root_fd, usec_t deadline) _must_check_;
