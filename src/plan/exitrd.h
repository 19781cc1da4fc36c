/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the stage exitrd is for: the controllers below the root file system. */
#pragma once

#include "plan/plan.h"

/* Takes away the uses that end with the root file system: of the controllers that / or /usr stands
 * on, at any depth. What else is mounted on them is unmounted before the root can be. */
void exitrd_release_root(Topology *topology);

/* How many controllers only the stage exitrd could take: those that exitrd_release_root() frees, as
 * far as the configuration selects them and nothing else keeps them. Releases them, too. Returns 0
 * or -ENOMEM. */
int exitrd_count(Topology *topology, const Config *config, size_t *ret_n) _must_check_;
