/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The executor: starts each step the moment its last gate opens, until the deadline. */
#pragma once

#include "waves/ops.h"

typedef struct WavesOptions {
        usec_t deadline_usec;  /* absolute, on the clock of ops->now() */
        unsigned max_parallel; /* 0: no limit */
        /* Called when a step has got its outcome, bridges included. May be NULL. */
        void (*ended)(void *userdata, const Record *record, size_t device);
        /* Called each second that passes with controllers under way: how many of those that are to
         * be detached or flushed have their outcome. May be NULL. */
        void (*progress)(void *userdata, size_t n_done, size_t n_steps, usec_t elapsed_usec);
        void *userdata;
} WavesOptions;

/* Carries the plan out and fills record (record_init'ed for the plan's steps) with one outcome for
 * each step. Returns by the deadline, or as soon as ops says that we shall stop; what runs then is
 * late, what has not begun is left. A step that can't be started is left. A gate opens only for a
 * step that is detached, unverified, or vanished from sysfs too (is_gone), so that a parent never
 * goes before its last child.
 * A turn passes whatever came of the step (plan.h). When max_parallel keeps steps waiting, the one
 * with the longest chain goes first. A Flush of what stays is no handshake to that limit, and is
 * waited for until one second after the last handshake at the longest.
 * Returns 0, or -ENOMEM when nothing was begun. */
int waves_run(const Plan *plan, const ShutdownOps *ops, void *context, const WavesOptions *options,
              Record *record) _must_check_;
