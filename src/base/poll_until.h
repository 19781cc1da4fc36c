/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* poll(2) of one descriptor with a deadline. */
#pragma once

#include "base/util.h"

/* Waits until fd is readable or deadline (CLOCK_MONOTONIC) has passed. Continues after a signal.
 * Returns 1 if fd is readable, 0 if the deadline has passed, or -errno. */
int poll_until(int fd, usec_t deadline) _must_check_;
