/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far a worker has come. The parent can read this at any time.
 *
 * Apart from worker.c, which tests replace at link time (CONTRIBUTING.md). */
#pragma once

#include "model/result.h"

/* In memory that worker and parent share, so that it stays readable however the worker ends. */
typedef struct WorkerSlot {
        StepResult result; /* outcome is OUTCOME_PENDING until the worker has finished */
        Phase phase;
        usec_t phase_started_usec;
        /* Set by the parent: it no longer waits. A worker that has not written to unbind yet must
         * not do so any more, as an idle drive may have come into use by then. */
        _Atomic bool is_abandoned;
        /* Set by whichever comes first: the worker when it ends, or the parent when it abandons it. In
         * the second case the worker itself has to tell how it ended. */
        _Atomic bool is_settled;
        _Atomic bool is_orphan; /* the parent came first */
        /* PHASE_SHUTDOWN has been entered, from which nothing turns the worker back. */
        _Atomic bool has_begun;
        /* NULL, or what the worker calls as soon as its result is complete: closing the last
         * descriptor of a dead drive may take longer than the machine has. Set before the fork. */
        void (*tell)(void *context);
        void *tell_context;
        int begun_fd; /* -1, or an eventfd that wakes the parent when has_begun is set */
        /* -1, or a pipe at which the worker waits after its checks. End of file: the parent has
         * started all it could, or has died. Set before the fork. */
        int hold_fd;
        /* Set by the parent before it closes the pipe. End of file without it: the parent died. */
        _Atomic bool may_go_on;
} WorkerSlot;

/* Prepares a slot before the fork. */
void worker_slot_init(WorkerSlot *slot);

/* Ends the current phase and enters the next one; _PHASE_MAX: there is none. PHASE_SHUTDOWN sets
 * has_begun and wakes the parent at begun_fd. */
void worker_enter_phase(WorkerSlot *slot, Phase phase);
