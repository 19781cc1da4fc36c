/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the engine on a live machine, then binds everything again. */
#pragma once

#include "config/config.h"
#include "plan/plan.h"
#include "trial/rebind.h"

typedef struct Rehearsal {
        Record record;
        RebindResult *rebinds; /* one for each device */
        usec_t rebind_usec;  /* from the end of the engine's run until all are usable or given up */
        bool is_interrupted; /* by SIGTERM or SIGINT */
} Rehearsal;

#define REHEARSAL_INIT ((Rehearsal){})

/* Executes the plan as a stage does (Order=, MaxParallel=, TimeoutSec=), then binds the controllers
 * that it has unbound, and no others:
 *   - late workers are waited for once more, and their controllers bound when they have exited;
 *   - from now on the process ignores SIGHUP, SIGQUIT, SIGTSTP and SIGPIPE; SIGTERM and SIGINT end
 *     the engine's run but not the rebinding;
 *   - argv0: see ops_kernel_new().
 * Blocks for minutes at worst. Returns 0, or -errno with nothing touched. */
int rehearsal_run(int root_fd, const Topology *topology, const Plan *plan, const Config *config,
                  char *argv0, Rehearsal *ret) _must_check_;

void rehearsal_done(Rehearsal *rehearsal);

/* Returns whether every planned controller was shut down and is usable again, uninterrupted. */
bool rehearsal_is_good(const Rehearsal *rehearsal);
