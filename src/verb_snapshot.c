/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "snapshot": a machine as JSON, for bug reports and tests. Changes nothing. */

#include "log.h"
#include "rtd3e.h"
#include "sysfs.h"
#include "verbs.h"

/* A healthy controller answers Identify within milliseconds. */
#define IDENTIFY_TIMEOUT_USEC (2 * USEC_PER_SEC)

static int add_rtd3e(Snapshot *snapshot) {
        _cleanup_close_ int root_fd = sysfs_open_root("/");
        int r;

        r = root_fd < 0 ? root_fd : rtd3e_read(root_fd, IDENTIFY_TIMEOUT_USEC, &snapshot->topology);
        if (r < 0)
                return r;
        if (r > 0)
                r = snapshot_add_unknown(snapshot,
                                         "RTD3E of %d controllers, which could not be asked", r);
        if (r >= 0 && geteuid() != 0)
                r = snapshot_add_unknown(snapshot,
                                         "what only root can see: it was taken by a user");
        return r;
}

int verb_snapshot(const Arguments *arguments) {
        Snapshot snapshot = SNAPSHOT_INIT;
        int r;

        r = verb_read_input(arguments, STAGE_UNIT, &snapshot);
        if (r < 0)
                return EXIT_FAILURE;
        if (verb_is_this_machine(arguments)) {
                verb_read_measured(&snapshot);
                r = add_rtd3e(&snapshot);
        }
        if (r >= 0)
                r = snapshot_write(&snapshot, stdout);
        if (r < 0)
                log_error("Could not write the snapshot: %s.", strerror(-r));
        snapshot_done(&snapshot);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
