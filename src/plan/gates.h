/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to plan. Which step waits for which: gates and turns of a plan whose actions are
 * decided. */
#pragma once

#include "plan/plan.h"

/* Adds gates, turns and chain_usec as plan.h says, with a warning for each cycle. The cost grows
 * linearly with the number of devices. Returns 0 or -ENOMEM. */
int plan_add_gates(const Topology *topology, Order order, Plan *plan) _must_check_;
