/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The controllers that only the stage exitrd can take: those below the root file system. */
#pragma once

#include "plan/plan.h"

/* Takes USE_ROOT away from the controllers that / or /usr stands on, at any depth: that use ends
 * with the root file system. All other file systems on them are unmounted before the root. */
void exitrd_release_root(Topology *topology);

/* The opposite: takes away every other use, which ends before the stages with file systems and
 * services. Only the controllers that / or /usr stands on stay in use. */
void exitrd_release_others(Topology *topology);

/* Counts the controllers that only the stage exitrd can take: those that exitrd_release_root()
 * frees, that the configuration selects and that nothing else keeps. Calls exitrd_release_root().
 * Returns 0 or -ENOMEM. */
int exitrd_count(Topology *topology, const Config *config, size_t *ret_n) _must_check_;
