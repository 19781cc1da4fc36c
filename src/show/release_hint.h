/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells people which program of Release= would free a drive that is held to the very end. */
#pragma once

#include "plan/plan.h"

/* What holds drives to the very end; each names a shipped program. */
typedef enum ReleaseHint {
        RELEASE_HINT_ZFS,
        RELEASE_HINT_MD_CONTAINERS,
        RELEASE_HINT_BCACHE,
        RELEASE_HINT_NVMET,
        _RELEASE_HINT_MAX,
} ReleaseHint;

/* Its name in Release=: "zfs". */
const char *release_hint_to_string(ReleaseHint hint);

/* Adds to the reason of each controller that stays what holds it to the very end, and the Release=
 * that frees it in the hook. By the names of holders, md's metadata, the exports of nvmet, and
 * what udev has found. Controllers of the root file system get none: in the hook it is still
 * mounted. Returns 0 or -ENOMEM. */
int release_hints_add(int root_fd, const Topology *topology, const Config *config,
                      Plan *plan) _must_check_;
