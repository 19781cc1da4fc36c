/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which steps may start: counts gates and turns down. No clock; nothing is allocated on the way. */
#pragma once

#include "base/heap.h"
#include "plan/plan.h"

typedef struct Ready {
        const Plan *plan;
        size_t *gates;       /* what is left of Step.n_gates */
        size_t *turns;       /* what is left of Step.n_turns */
        size_t *released_by; /* whose end was the last that a step had to wait for */
        bool *is_closed;     /* one of its gates is not to be counted on */
        bool *has_passed;    /* its turn has been handed on */
        size_t *closing;     /* closed, and those that wait for it do not know yet */
        size_t n_closing;
        size_t *passing; /* has passed, and the next one does not know yet */
        size_t n_passing;
        Heap queue; /* may start */
        uint64_t n_queued;
} Ready;

/* Queues whatever waits for nobody, and behind it what stays and gets a Flush. 0 or -ENOMEM;
 * ready_done() in any case. */
int ready_init(Ready *ready, const Plan *plan) _must_check_;
void ready_done(Ready *ready);

/* Step i has ended; gates open for one that succeeded, turns pass in any case. */
void ready_end_step(Ready *ready, size_t i, bool has_succeeded);

/* What is to start next: a bridge, which takes no time; then whoever has the longest chain above it
 * (Step.chain_usec), so that a limit of parallel steps costs least; then in the order of getting
 * ready. False if there is none. */
bool ready_first(const Ready *ready, HeapEntry *ret_entry);

/* Takes that one out, and puts it back at its old place. */
void ready_pop(Ready *ready);
void ready_restore(Ready *ready, HeapEntry entry);
