/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which controllers the globs of Include= and Exclude= match. Pure. */
#pragma once

#include "config/config.h"
#include "model/topology.h"

/* Whether the glob matches one of the controller's PCI address, name, model, serial number and NQN,
 * whatever the case of letters: an Exclude= protects what it names in any spelling. device: one
 * with a controller. */
bool selection_matches(const char *glob, const Device *device);

/* The first of the globs (NULL-terminated, or NULL: none) that matches, or NULL. */
const char *selection_find(char *const *globs, const Device *device);
