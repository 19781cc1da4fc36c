/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which controllers the globs of Include= and Exclude= match. Pure. */
#pragma once

#include "config/config.h"
#include "model/topology.h"

/* Whether the glob matches, in any case of letters, one of the controller's PCI address, name,
 * model, serial number and NQN: an Exclude= protects a drive in any spelling. device has a
 * controller. */
bool selection_matches(const char *glob, const Device *device);

/* Returns the first glob that matches, or NULL. globs is NULL-terminated; NULL: no globs. */
const char *selection_find(char *const *globs, const Device *device);
