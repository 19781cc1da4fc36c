/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks a question whose answer may never come: a lookup on a dead file server sleeps in the kernel,
 * and no timeout reaches it there. */
#pragma once

#include "base/util.h"

/* Calls function(shared) in a child process and waits for its end, at most for timeout_usec. shared
 * is memory that both processes see (MAP_SHARED): what the child has written by then stays
 * readable. 0: the child has returned from the call; -ETIMEDOUT: the child has not, it was sent
 * SIGKILL and is not waited for any longer (init reaps one that the kernel holds on to); -EIO: the
 * child died; -errno of fork(2) and its like. */
int timed_call(void (*function)(void *shared), void *shared, usec_t timeout_usec) _must_check_;

/* Memory for timed_call(), zeroed. NULL for want of memory. */
void *timed_call_allocate(size_t size) _must_check_;
void timed_call_free(void *shared, size_t size);
