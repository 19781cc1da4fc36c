/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks every drive of this machine what it counts, tells what that proves about the last shutdown,
 * and remembers it for the next one. */
#pragma once

#include "base/util.h"

/* Reads and writes below root_fd; boot_id: this boot's. Done once a boot, further calls do nothing.
 * The entries go to the log. All drives are asked at the same time (timed_call.h); one that has not
 * answered after timeout_usec is passed over. *ret_n_drives: how many answered; may be 0. 0 or
 * -errno. */
int power_check(int root_fd, const char *boot_id, usec_t timeout_usec,
                size_t *ret_n_drives) _must_check_;
