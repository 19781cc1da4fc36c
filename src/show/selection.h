/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Include= and Exclude= select on a machine, as plan and config show it. */
#pragma once

#include <json-c/json.h>

#include "config/config.h"
#include "model/topology.h"

/* Prints a line for each glob with the controllers that it matches. topology: NULL where it could
 * not be read, then nothing is printed of globs. Says it if no controller is touched because the
 * selection is uncertain. */
void show_selection(const Config *config, const Topology *topology, FILE *stream);

/* The same as an array of objects with "key", "glob" and "controllers" (an array of names; null
 * without a topology). NULL for want of memory. */
struct json_object *selection_to_json(const Config *config, const Topology *topology);
