/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The executor: starts each step as soon as its last gate opens, until the deadline. */
#pragma once

#include "waves/ops.h"

typedef struct WavesOptions {
        usec_t deadline_usec;  /* absolute, on the clock of ops->now() */
        unsigned max_parallel; /* 0: no limit */
        /* Do not wait for handshakes that are under way; needs ops that report OPS_WAIT_BEGUN. */
        bool overlap;
        /* Called when a step has got its outcome, bridges included. May be NULL. */
        void (*ended)(void *userdata, const Record *record, size_t device);
        /* Called once a second while steps run: how many of the steps that detach or flush a
         * controller have their outcome. May be NULL. */
        void (*progress)(void *userdata, size_t n_done, size_t n_steps, usec_t elapsed_usec);
        void *userdata;
} WavesOptions;

/* Carries out the plan and fills record (record_init() for the plan's steps) with an outcome for
 * each step. Returns when all steps have ended, at the deadline, or when ops reports a signal.
 *
 *   overlap    makes it return when every handshake that can begin has begun: none waits for a gate
 *              that may still open, for its turn or for the limit. Those under way get the outcome
 *              begun.
 *   outcomes   A step that still runs then is late, one that has not started is left. A step that
 *              can't be started is left.
 *   gates      open only for a step that is detached, unverified, or vanished from sysfs too
 *              (is_gone), so that a parent never goes before its last child.
 *   turns      pass with any outcome (plan.h).
 *   a limit    (max_parallel) makes the step with the longest chain go first. It does not count the
 *              Flush of a controller that stays.
 *   a Flush    is waited for until one second after the last handshake; with overlap, after the last
 *              one has begun.
 *
 * Returns 0; or -ENOMEM, with nothing started. */
int waves_run(const Plan *plan, const ShutdownOps *ops, void *context, const WavesOptions *options,
              Record *record) _must_check_;

/* Replaces the result of a step that still ran when waves_run() returned (late, begun or a Flush) by
 * the one with which it ended. */
void waves_take_final_result(const Step *step, StepResult *target, const StepResult *result);
