/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decides which controllers are detached and which step waits for which. Pure: no I/O, no clock. */
#pragma once

#include "base/lines.h"
#include "config/config.h"
#include "model/topology.h"

typedef enum StepAction {
        STEP_DETACH, /* take the controller through its shutdown handshake */
        STEP_LEAVE,  /* in use, not ours or excluded: the kernel's pass takes it */
        STEP_PASS,   /* a bridge: has no action of its own, and ends with its last child */
        _STEP_ACTION_MAX,
        _STEP_ACTION_INVALID = -EINVAL,
} StepAction;

typedef struct Step {
        StepAction action;
        bool flush;   /* STEP_LEAVE: send a Flush, which shortens its turn in the kernel's pass */
        char *reason; /* STEP_LEAVE: why, for people; else NULL */
        bool is_under_way; /* STEP_LEAVE: its driver is letting go of it already, by an unbind that an
                              earlier stage has begun */
        usec_t expected_usec; /* STEP_DETACH: how long it takes, as the drive says (RTD3E); 0: not
                                 known */
        usec_t chain_usec; /* from its start to the end of the last step that waits for it, as far
                                 as times are known */
        size_t n_gates;    /* steps that must have succeeded before this one may start */
        size_t opens[2];   /* steps that have this one among their gates: the parent and, for a
                                 virtual function, the physical one */
        size_t n_opens;
        size_t n_turns; /* steps that must have ended, in any way, before this one may start */
        size_t next;    /* the step that has this one among its turns; TOPOLOGY_NONE: none */
} Step;

typedef struct Plan {
        Step *steps; /* steps[i] is for Topology.devices[i] */
        size_t n_steps;
        size_t n_detach; /* steps whose action is STEP_DETACH */
        Lines warnings;
} Plan;

#define PLAN_INIT ((Plan){})

const char *step_action_to_string(StepAction action);

/* Makes the plan for a sorted topology whose uses are marked (inuse.h). The same topology gives the
 * same plan.
 *
 * A controller is detached if all of this holds:
 *   - it is on PCIe, bound to the nvme driver, live, and has a serial number;
 *   - it is not in use;
 *   - Include= and Exclude= select it;
 *   - all its virtual functions are detached, too; or, with Config.keep_physical_functions, it has
 *     none.
 *
 * Gates keep data safe, and every order has them:
 *   - a parent waits for each of its children;
 *   - a physical function waits for each of its virtual ones;
 *   - no step waits for a function without a driver;
 *   - a cycle is broken at its lowest device, with a warning.
 *
 * Turns are what the order adds. A step's turn has passed when the step has ended in any way, or
 * can't start because something below it stays: a step that fails or stays holds up only its own
 * ancestors. STEP_LEAVE neither takes turns nor is waited for. A step that never ends holds up all
 * that wait for it until the stage's deadline.
 *   - hierarchy: no turns;
 *   - leaves: steps without gates start at once. When all of them are through, the others go one by
 *     one;
 *   - two-pass: controllers start at once, but for a physical function, which waits for its virtual
 *     ones. When all of them are through, the bridges go one by one;
 *   - serial: one by one, in the kernel's order: the device that was registered last (the last one
 *     of the topology) goes first, but children go before their parents.
 *
 * Returns 0 or -ENOMEM. */
int plan_make(const Topology *topology, const Config *config, Plan *ret) _must_check_;

void plan_done(Plan *plan);

#define _cleanup_plan_ _cleanup_(plan_done)

/* Whether a controller that is detached waits for others: a physical function for its virtual ones,
 * which are its siblings in the tree. */
bool plan_has_waiting_controllers(const Plan *plan);
