/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, trees and JSON for people and programs, from the same columns (libsmartcols). */
#pragma once

#include "plan.h"

/* Prints the tree of devices with what would happen to each and why. 0 or -errno. */
int show_plan(const Topology *topology, const Plan *plan, bool json, FILE *stream) _must_check_;

/* Prints each key, its effective value and where it is from. 0 or -errno. */
int show_config(const Config *config, bool json, FILE *stream) _must_check_;
