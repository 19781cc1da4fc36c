/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks at the machine once and decides: device_tree -> usage -> plan. With MaxParallel= what is
 * known of each controller's time (times.h) chooses who goes first. */
#pragma once

#include "plan.h"

/* For the given stage: open files are looked for where processes still live (unit). Changes
 * nothing. Returns 0, or -errno when the devices can't be enumerated. */
int survey(int root_fd, const Config *config, Stage stage, Topology *ret_topology,
           Plan *ret_plan) _must_check_;

/* The same, but ends the process with that exit status, and a line that says so, if it takes longer
 * than TimeoutSec=: to look at a device or a process can wait for a lock that somebody holds who is
 * stuck. Uses SIGALRM and ITIMER_REAL meanwhile. */
int survey_in_time(int root_fd, const Config *config, Stage stage, int late_status,
                   Topology *ret_topology, Plan *ret_plan) _must_check_;
