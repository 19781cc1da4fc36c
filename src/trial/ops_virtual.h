/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scripted world behind the shutdown_ops seam, on a clock that only moves when somebody waits:
 * for "simulate", and for tests of whatever else the executor may meet. */
#pragma once

#include "base/heap.h"
#include "waves/ops.h"

#define VIRTUAL_NEVER USEC_INFINITY

typedef struct VirtualStep {
        usec_t latency_usec; /* VIRTUAL_NEVER: does not end by itself */
        Outcome outcome;     /* how it ends; OUTCOME_PENDING: as its action would have it */
        bool is_gone;        /* OUTCOME_VANISHED: from sysfs, too */
        int start_error;     /* what the first start_failures starts return */
        unsigned start_failures;
        /* what happened */
        unsigned n_starts;
        bool is_running;
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
        Heap ends; /* of what runs, by the time of its end, then by index */
} VirtualWorld;

extern const ShutdownOps ops_virtual;

/* Every step ends latency_usec after its start; the clock stands at one second. 0 or -ENOMEM;
 * virtual_world_done() in any case. */
int virtual_world_init(VirtualWorld *world, size_t n_steps, usec_t latency_usec) _must_check_;
void virtual_world_done(VirtualWorld *world);
