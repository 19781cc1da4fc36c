/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The controllers that Include= and Exclude= select, for plan and config. */
#pragma once

#include "config/config.h"
#include "model/topology.h"
#include "report/json_writer.h"

/* Prints a line for each glob, with the controllers that it matches; and a line if the selection is
 * uncertain, so that no controller is touched.
 *   topology: NULL if it could not be read; then no glob is printed. */
void show_selection(const Config *config, const Topology *topology, FILE *stream);

/* Adds an array "selection" of objects with "key", "glob" and "controllers", an array of names;
 * null without a topology. */
void show_selection_json(const Config *config, const Topology *topology, JsonWriter *w);
