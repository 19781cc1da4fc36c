/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* poll(2) of one descriptor with a deadline on our clock. */
#pragma once

#include "base/util.h"

/* Waits until fd is readable, at the longest until deadline. 1, 0 (the deadline passed) or -errno.
 */
int poll_until(int fd, usec_t deadline) _must_check_;
