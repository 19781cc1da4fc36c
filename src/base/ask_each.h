/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks many devices at the same time, each of which may hold its asker in the kernel. */
#pragma once

#include "base/util.h"

/* Asks number i and writes to answer, which is zeroed and shared with the caller. Runs in a process
 * of its own, which ends when this returns: it may not log. */
typedef void (*AskFunction)(void *userdata, size_t i, void *answer);

/* Calls ask for 0 to n - 1, 64 at a time. A process that has not ended timeout_usec after its batch
 * began is left behind: a signal ends it when the kernel lets go of it. *ret_answers: an array of n
 * answers of size bytes, zeroed where none came; ask_each_free() it. 0 or -errno. */
int ask_each(size_t n, size_t size, usec_t timeout_usec, AskFunction ask, void *userdata,
             void **ret_answers) _must_check_;

/* answers: NULL is accepted. */
void ask_each_free(void *answers, size_t n, size_t size);
