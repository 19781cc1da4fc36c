/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far a worker has come, readable by its parent at any time. */
#pragma once

#include "model/result.h"

/* In memory that worker and parent share: whatever ends the worker, what it wrote stays readable.
 */
typedef struct WorkerSlot {
        StepResult result; /* outcome stays OUTCOME_PENDING until all is done */
        Phase phase;
        usec_t phase_started_usec;
        /* Set by the parent: nobody waits any more. A worker that has not yet written to unbind
         * does not do so then: the machine may have gone on, and what was idle be in use again. */
        _Atomic bool is_abandoned;
        /* -1, or a pipe whose end of file says that the parent has begun all it could, or has died:
         * until then a worker that has made its checks goes no further. Set before the fork. */
        int hold_fd;
        /* Set by the parent before it lets go: an end of file without it is the parent's end. */
        _Atomic bool may_go_on;
} WorkerSlot;

/* Prepares a slot before the fork. */
void worker_slot_init(WorkerSlot *slot);

/* Ends the current phase and enters the next one; _PHASE_MAX: none follows. */
void worker_enter_phase(WorkerSlot *slot, Phase phase);
