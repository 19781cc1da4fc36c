/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decides what happens to each device and who waits for whom. Pure: no I/O, no clock. */
#pragma once

#include "base/lines.h"
#include "config/config.h"
#include "model/topology.h"

typedef enum StepAction {
        STEP_DETACH, /* take the controller through its shutdown handshake */
        STEP_LEAVE,  /* still needed, not ours or excluded: the kernel's pass takes it */
        STEP_PASS,   /* a bridge: has no action of its own, done when its last child is */
        _STEP_ACTION_MAX,
        _STEP_ACTION_INVALID = -EINVAL,
} StepAction;

typedef struct Step {
        StepAction action;
        bool flush;   /* STEP_LEAVE: send a Flush, so that its later serial turn gets shorter */
        char *reason; /* STEP_LEAVE: why, for people; else NULL */
        usec_t expected_usec; /* STEP_DETACH: as the drive says (RTD3E); 0: unknown */
        usec_t chain_usec;    /* from its start to the end of the last step that waits for it, at
                                 least, as far as times are known */
        size_t n_gates;       /* steps that must have succeeded before this one may start */
        size_t opens[2];      /* steps that have this one among their gates: the parent, and of a
                                 virtual function the physical one */
        size_t n_opens;
        size_t n_turns; /* steps that must be through before this one may start, whatever came of
                           them */
        size_t next;    /* the step that has this one among its turns; TOPOLOGY_NONE: none */
} Step;

typedef struct Plan {
        Step *steps; /* steps[i] is what happens to Topology.devices[i] */
        size_t n_steps;
        size_t n_detach;
        Lines warnings;
} Plan;

#define PLAN_INIT ((Plan){})

const char *step_action_to_string(StepAction action);

/* Makes the plan for a sorted topology whose uses are marked. The same topology gives the same
 * plan. detach: a PCIe controller bound to the nvme driver, live, with a serial number, not in use,
 *           selected by Include= and Exclude=, all of whose virtual functions go too (none, where
 *           Config.keep_physical_functions says so);
 *   gates: a parent waits for each of its children, a physical function for its virtual ones,
 *           nobody for a function without a driver. Every order has them, for they keep data safe.
 *           A cycle is broken at its lowest device, with a warning, never waited on.
 *   turns: what the order adds. A turn passes when its step has ended, however it did, or can't
 *           start because something below it stays: so one that fails, or is left, costs only its
 *           own ancestors. What stays (STEP_LEAVE) takes no turns and holds up none. One that
 *           never ends holds up all behind it until the stage's deadline.
 *     hierarchy: none. Nobody waits for a sibling's subtree.
 *     leaves: all that waits for nothing goes at once; the rest, when all of that is through, one
 *           by one.
 *     two-pass: all controllers go at once, except a physical function, which waits for its own
 *           virtual ones; when all are through, the bridges are released one by one.
 *     serial: one by one. The kernel's own order: the last in the topology's order, which is that
 *           of registration, first, but children before parents.
 * Returns 0 or -ENOMEM. */
int plan_make(const Topology *topology, const Config *config, Plan *ret) _must_check_;

void plan_done(Plan *plan);

/* Whether a controller that goes has to wait for others that go: a physical function for its
 * virtual ones, which stand beside it in the tree. */
bool plan_has_waiting_controllers(const Plan *plan);
