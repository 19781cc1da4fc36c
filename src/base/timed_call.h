/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls functions that may never return, in child processes, with a deadline: a lookup on a dead
 * file server or a command to a dead drive sleeps in the kernel, where no timeout ends it. */
#pragma once

#include "base/util.h"

/* Runs in the child. It reports by writing to memory of timed_call_allocate(), and may not log. */
typedef void (*TimedFunction)(void *shared);
typedef void (*TimedItemFunction)(void *shared, size_t i);

/* Calls function(shared) in a child process and waits at most timeout_usec for the child to exit.
 * What the child has written to shared memory by then stays readable. Sets SIGCHLD to its default.
 *
 *   0: the function has returned.
 *   -ETIMEDOUT: the function has not. The child was sent SIGKILL and is left to init, since the
 *   kernel may hold it for longer.
 *   -EIO: the child died.
 *   another -errno: the child could not be started or watched. */
int timed_call(TimedFunction function, void *shared, usec_t timeout_usec) _must_check_;

/* Calls function(shared, i) for each i below n, each in a child of its own, up to 64 at the same
 * time; each batch of 64 has timeout_usec. Children are treated as by timed_call(). Returns how
 * many calls did not return. */
int timed_call_each(TimedItemFunction function, void *shared, size_t n, usec_t timeout_usec);

/* Zeroed memory that the caller and its children share (MAP_SHARED); NULL if there is none. */
void *timed_call_allocate(size_t size) _must_check_;

/* shared: NULL is accepted. size: as it was allocated. */
void timed_call_free(void *shared, size_t size);
