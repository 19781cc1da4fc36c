/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See overlap.h. */

#include "stage/overlap.h"

#include <fcntl.h>

#include "record/keep.h"

/* systemd-shutdown executes the file if this call allows it (its main()). */
static bool has_exitrd(int root_fd, Stage stage) {
        return stage != STAGE_EXITRD && faccessat(root_fd, "run/initramfs/shutdown", X_OK, 0) == 0;
}

bool may_overlap(int root_fd, const Config *config, Stage stage, Action action) {
        if (config->overlap == OVERLAP_NO || has_exitrd(root_fd, stage))
                return false;
        return config->overlap == OVERLAP_YES ||
               pstore_log_judge(root_fd, config->persist_log, action) == PSTORE_LOG_KEPT;
}

void settle_min_controllers(Config *config, Stage stage, bool overlaps) {
        if (config->min_controllers == MIN_CONTROLLERS_AUTO)
                config->min_controllers = stage == STAGE_UNIT && overlaps ? 1 : 2;
}
