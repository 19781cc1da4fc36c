/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows a plan and the configuration: tables for people and JSON from the same columns. */
#pragma once

#include "label/labels.h"
#include "plan/plan.h"

/* Prints the tree of devices with each one's action and the reason. JSON also has "selection", the
 * globs with the controllers that they match (selection.h), and "stands_down", why a stage would
 * touch nothing at all.
 *   labels: of the same topology, or LABELS_INIT for none.
 *   config: the one from which the plan was made.
 * Returns 0 or -errno. */
int show_plan(const Topology *topology, const Labels *labels, const Plan *plan,
              const Config *config, bool json, FILE *stream) _must_check_;

/* Prints each key, its effective value and the file and line that set it. JSON as above.
 *   topology: NULL if it could not be read.
 * Returns 0 or -errno. */
int show_config(const Config *config, const Topology *topology, bool json,
                FILE *stream) _must_check_;
