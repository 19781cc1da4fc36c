/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decides what happens to each device and who waits for whom. Pure: no I/O, no clock. */
#pragma once

#include "config.h"
#include "topology.h"

typedef enum StepAction {
        STEP_DETACH, /* take the controller through its shutdown handshake */
        STEP_LEAVE,  /* still needed, not ours or excluded: the kernel's pass takes it */
        STEP_PASS,   /* a bridge: has no action of its own, done when its last child is */
        _STEP_ACTION_MAX,
        _STEP_ACTION_INVALID = -EINVAL,
} StepAction;

typedef struct Step {
        StepAction action;
        bool flush;     /* STEP_LEAVE: send a Flush, so that its later serial turn gets shorter */
        char *reason;   /* STEP_LEAVE: why, for people; else NULL */
        size_t n_gates; /* steps that must have succeeded before this one may start */
        size_t *opens;  /* steps that have this one among their gates */
        size_t n_opens;
} Step;

typedef struct Plan {
        Step *steps; /* steps[i] is what happens to Topology.devices[i] */
        size_t n_steps;
        size_t n_detach;
        char **warnings; /* NULL-terminated, or NULL */
        size_t n_warnings;
} Plan;

#define PLAN_INIT ((Plan){})

const char *step_action_to_string(StepAction action);

/* Makes the plan for a sorted topology whose uses are marked. The same topology gives the same
 * plan. detach: a PCIe controller bound to the nvme driver, live, with a serial number, not in use,
 *           selected by Include= and Exclude=, none of whose virtual functions stays;
 *   gates (Order=hierarchy): a parent waits for each of its children, a physical function for its
 *           virtual ones. A cycle is broken at its lowest device, with a warning, never waited on.
 * Returns 0 or -ENOMEM. */
int plan_make(const Topology *topology, const Config *config, Plan *ret) _must_check_;

void plan_done(Plan *plan);
