/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which steps may start: counts down the gates and turns that a step has to wait for. Private to
 * waves.c. It reads no clock, and only ready_init() allocates. */
#pragma once

#include "base/heap.h"
#include "plan/plan.h"

typedef struct Ready {
        const Plan *plan;
        size_t *gates;       /* Step.n_gates that are still closed */
        size_t *turns;       /* Step.n_turns that have not passed yet */
        size_t *released_by; /* the last step that a step had to wait for */
        bool *is_closed;     /* one of its gates will never open */
        bool *has_passed;    /* it has handed its turn on */
        size_t *closing;     /* closed steps whose parents have not been told yet */
        size_t n_closing;
        size_t *passing; /* steps that have passed, but their next one has not been told yet */
        size_t n_passing;
        Heap queue; /* steps that may start */
        uint64_t n_queued;
} Ready;

/* Queues every step that waits for nothing, and after them the Flushes of what stays.
 * Returns 0 or -ENOMEM; call ready_done() in either case. */
int ready_init(Ready *ready, const Plan *plan) _must_check_;
void ready_done(Ready *ready);

/* Step i has ended. Its gates open only if it has succeeded, its turn passes in any case. */
void ready_end_step(Ready *ready, size_t i, bool has_succeeded);

/* Finds the step to start next, in this order:
 *   1. a bridge, which takes no time,
 *   2. the step with the longest chain above it (Step.chain_usec), so that a limit of parallel
 *      steps costs least,
 *   3. the step that has been ready for longest.
 * Returns whether there is one. */
bool ready_first(const Ready *ready, HeapEntry *ret_entry);

/* Removes the first step, and puts it back in its old place. */
void ready_pop(Ready *ready);
void ready_restore(Ready *ready, HeapEntry entry);
