/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ShutdownOps of a scripted world, on a clock that advances only when the executor waits: for
 * "simulate" and for tests of the executor. */
#pragma once

#include "base/heap.h"
#include "waves/ops.h"

#define VIRTUAL_NEVER USEC_INFINITY

typedef struct VirtualStep {
        usec_t latency_usec;       /* VIRTUAL_NEVER: it does not end */
        usec_t begin_usec;         /* from its start to OPS_WAIT_BEGUN; 0: that is not reported */
        Outcome outcome;           /* OUTCOME_PENDING: the successful outcome of its action */
        bool is_gone;              /* OUTCOME_VANISHED: from sysfs, too */
        Outcome abandoned_outcome; /* OUTCOME_PENDING: it still ran when it was abandoned */
        int start_error;           /* the return value of the first start_failures starts */
        unsigned start_failures;
        /* set by the run */
        unsigned n_starts;
        bool is_running;
        bool has_begun;
        bool is_abandoned;
        usec_t started_usec;
        usec_t ended_usec;
} VirtualStep;

typedef struct VirtualWorld {
        usec_t now;
        usec_t signal_usec; /* SIGTERM then; VIRTUAL_NEVER: none */
        VirtualStep *steps;
        size_t n_steps;
        size_t n_running;
        size_t max_running;
        bool reports_begin; /* a step with begin_usec was started: the others cost no search */
        Heap ends;          /* of running steps, by the time of their end, then by index */
} VirtualWorld;

extern const ShutdownOps ops_virtual;

/* Every step ends latency_usec after its start; the clock starts at one second. Returns 0 or
 * -ENOMEM; call virtual_world_done() in either case. */
int virtual_world_init(VirtualWorld *world, size_t n_steps, usec_t latency_usec) _must_check_;
void virtual_world_done(VirtualWorld *world);
