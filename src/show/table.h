/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, trees and JSON for people and programs, from the same columns (libsmartcols). */
#pragma once

#include "plan/plan.h"

/* Prints the tree of devices with what would happen to each and why. JSON also has the globs with
 * the controllers that they match (selection.h), and why a stage would touch nothing at all.
 * config: the one that the plan was made with. 0 or -errno. */
int show_plan(const Topology *topology, const Plan *plan, const Config *config, bool json,
              FILE *stream) _must_check_;

/* Prints each key, its effective value and where it is from. JSON as above. topology: NULL where it
 * could not be read. 0 or -errno. */
int show_config(const Config *config, const Topology *topology, bool json,
                FILE *stream) _must_check_;
