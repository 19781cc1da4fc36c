/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run of the engine on a live machine, after which everything is bound again. */
#pragma once

#include "config/config.h"
#include "plan/plan.h"
#include "trial/rebind.h"

typedef struct Rehearsal {
        Record record;
        RebindResult *rebinds; /* one for each device */
        usec_t rebind_usec;    /* from the engine's return until all was usable or given up */
        bool is_interrupted;   /* SIGTERM or SIGINT came in the middle */
} Rehearsal;

#define REHEARSAL_INIT ((Rehearsal){})

/* Carries the plan out as a stage does (Order=, MaxParallel=, TimeoutSec=), then binds again what
 * it has unbound, and only that. What was late is waited for once more, and bound when it has
 * ended. From here on SIGHUP, SIGQUIT, SIGTSTP and SIGPIPE are ignored, SIGTERM and SIGINT end the
 * engine but not the rebinding. Returns 0, or -errno: nothing was touched. argv0: see
 * ops_kernel_new(). */
int rehearsal_run(int root_fd, const Topology *topology, const Plan *plan, const Config *config,
                  char *argv0, Rehearsal *ret) _must_check_;

void rehearsal_done(Rehearsal *rehearsal);

/* Whether each controller that was to be taken is shut down and usable again, without a signal. */
bool rehearsal_is_good(const Rehearsal *rehearsal);
