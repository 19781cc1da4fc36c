/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows how long a rehearsal took and how much time it would have saved. */
#pragma once

#include "trial/rehearse.h"

/* Prints a table of all controllers and a line of totals; or, json, an object with "controllers"
 * and "totals". Returns 0 or -errno. */
int show_rehearsal(const Topology *topology, const Rehearsal *rehearsal, bool json,
                   FILE *stream) _must_check_;

/* Prints each controller that is not back or has another name, with the command for a root shell
 * that brings it back; nothing if all are as before. */
void show_rehearsal_mending(const Topology *topology, const Rehearsal *rehearsal, FILE *stream);
