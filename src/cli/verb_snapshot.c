/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "snapshot": a machine as JSON, for bug reports and tests. Changes nothing. */

#include "base/log.h"
#include "cli/verbs.h"

int verb_snapshot(const Arguments *arguments) {
        Snapshot snapshot = SNAPSHOT_INIT;
        int r;

        r = verb_read_input(arguments, &snapshot);
        if (r < 0)
                return EXIT_FAILURE;
        if (verb_is_this_machine(arguments))
                r = verb_read_times(&snapshot);
        if (r >= 0 && verb_is_this_machine(arguments) && geteuid() != 0)
                r = lines_add(&snapshot.unknown, "what only root can see: it was taken by a user");
        if (r >= 0)
                r = snapshot_write(&snapshot, stdout);
        if (r < 0)
                log_error("Could not write the snapshot: %s.", strerror(-r));
        snapshot_done(&snapshot);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
