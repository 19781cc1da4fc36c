/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A scripted world behind the shutdown_ops seam, on a clock that only moves when somebody waits. */
#pragma once

#include "shutdown_ops.h"

#define FAKE_NEVER USEC_INFINITY

typedef struct FakeStep {
        usec_t latency_usec; /* FAKE_NEVER: does not end by itself */
        Outcome outcome;     /* how it ends; OUTCOME_PENDING: as its action would have it */
        int start_error;     /* what the first start_failures starts return */
        unsigned start_failures;
        /* what happened */
        unsigned n_starts;
        bool is_running;
        bool is_abandoned;
        usec_t started_usec;
        usec_t ended_usec;
} FakeStep;

typedef struct FakeWorld {
        usec_t now;
        usec_t signal_usec; /* SIGTERM then; FAKE_NEVER: none */
        FakeStep *steps;
        size_t n_steps;
        size_t n_running;
        size_t max_running;
} FakeWorld;

extern const ShutdownOps ops_fake;

/* Every step ends after latency_usec. */
FakeWorld fake_world(size_t n_steps, usec_t latency_usec);
void fake_world_done(FakeWorld *world);
