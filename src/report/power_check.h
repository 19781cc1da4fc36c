/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks every drive of this machine for its counters, logs whether it went down cleanly at the last
 * shutdown, and stores the counters for the next one. */
#pragma once

#include "base/util.h"

/* Reads and writes below root_fd. Does nothing if it has already run in this boot. Logs an entry
 * for each drive of which something is proven (drive_power.h). Asks all drives at the same time
 * (timed_call.h) and skips those that don't answer; blocks for timeout_usec at most.
 *   boot_id: of the running boot;
 *   ret_n_drives: the number of drives that answered.
 * Returns 0 or -errno. */
int power_check(int root_fd, const char *boot_id, usec_t timeout_usec,
                size_t *ret_n_drives) _must_check_;
