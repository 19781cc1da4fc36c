/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wakes whoever waits for devices to appear. What has happened is for sysfs to say. */
#pragma once

#include "base/util.h"

typedef struct Uevents Uevents;

/* Listens to the kernel and to udevd (which comes later, and only where it runs) for controllers
 * and block devices. Returns 0 or -errno. */
int uevents_new(Uevents **ret) _must_check_;

/* Returns NULL. */
Uevents *uevents_free(Uevents *uevents);

/* Readable when something has happened: the kernel's and udevd's, for poll(2). */
void uevents_fds(const Uevents *uevents, int ret_fds[2]);

/* Reads all that has happened away. */
void uevents_drain(Uevents *uevents);

/* Waits, at the longest until deadline, until udevd has nothing left to do, so that all links in
 * /dev are there and nothing is open that was open for it. 1: so it is, or there is no udevd; 0:
 * not in time; -errno. */
int uevents_settle(int root_fd, usec_t deadline) _must_check_;
