/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a rehearsal took and what it would have saved, for people and programs. */
#pragma once

#include "trial/rehearse.h"

/* A table of all controllers and a line of totals, or an object with "controllers" and "totals".
 * 0 or -errno. */
int show_rehearsal(const Topology *topology, const Rehearsal *rehearsal, bool json,
                   FILE *stream) _must_check_;

/* What is not as it was, and a line for a root shell that mends it; nothing if all is well. */
void show_rehearsal_mending(const Topology *topology, const Rehearsal *rehearsal, FILE *stream);
