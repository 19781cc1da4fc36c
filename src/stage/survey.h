/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Surveys the machine once: tree -> inuse -> plan. With MaxParallel= the slowest controllers go
 * first, as far as their times are known (times.h). */
#pragma once

#include "plan/plan.h"

typedef struct SurveyOptions {
        bool claim; /* see inuse.h */
        /* With fewer controllers than this left to take, processes are not looked at: walking them
         * is most of the time. 0: they always are. */
        unsigned min_controllers;
        usec_t timeout_usec; /* of survey_in_time(); 0: TimeoutSec= */
} SurveyOptions;

/* The first part of a survey: the devices, and their users as far as the kernel's tables name them; no
 * processes, no plan. claim: see inuse.h. Changes nothing. Returns 0, or -errno when the devices can't
 * be enumerated. */
int survey_devices(int root_fd, bool claim, Topology *ret_topology) _must_check_;

/* The whole survey. Changes nothing. Returns 0, or -errno when the devices can't be enumerated. */
int survey(int root_fd, const Config *config, const SurveyOptions *options, Topology *ret_topology,
           Plan *ret_plan) _must_check_;

/* The same, but if it takes longer than its time, it logs that and ends the process with late_status:
 * a look at a device or a process can wait for a lock whose owner is stuck. One second later a
 * signal ends the process for sure, as no handler runs in a sleep that only a fatal signal ends. Uses
 * SIGALRM, ITIMER_REAL and SIGVTALRM meanwhile. */
int survey_in_time(int root_fd, const Config *config, const SurveyOptions *options, int late_status,
                   Topology *ret_topology, Plan *ret_plan) _must_check_;
