/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which drive an entry is about. */
#pragma once

#include "record/entry.h"

/* Takes over what the topology knows of that controller: name, address, path, model, serial. */
void entry_set_drive(Entry *entry, const Topology *topology, size_t device);

/* For an entry out of the kernel log, whose line had no room for them: takes model and path from
 * the machine that runs now. The model is that of a controller with the same serial number; the
 * path is only taken if it is at the same address as well. What is set already stays. */
void entry_find_drive(Entry *entry, const Topology *topology);
