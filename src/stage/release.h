/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the programs of Release=, which free drives that something holds until the machine is off. It
 * decides nothing about a drive: the survey comes afterwards, and knows of no program. */
#pragma once

#include <sys/types.h>

#include "model/result.h"

typedef struct ReleaseOptions {
        Stage stage;
        Action action;
        /* For all programs together; the earlier one counts. */
        usec_t timeout_usec; /* ReleaseTimeoutSec= */
        usec_t deadline;     /* the stage's, by CLOCK_MONOTONIC */
        uid_t owner; /* whose programs and directories these have to be: 0, other than in tests */
} ReleaseOptions;

/* Runs the programs with these names at the same time, each with the action as its only argument, and
 * fills in results, one for each name. In the stage unit it runs none. A program is taken from
 *   etc/nvme-async-shutdown/release.d
 *   usr/lib/nvme-async-shutdown/release.d
 * below root_fd, the first that has the name. It is refused unless it is a regular file, executable,
 * and it and each directory of its path belong to the owner and are writable by no other; a link is
 * not followed.
 *
 * Each program has an environment of ours, no input, a process group of its own, and its own
 * directory as the working directory. A line of its output is cut at REASON_MAX. The last line is
 * the result's; up to 10 others go to the log, with the program's name; the rest is read and
 * dropped.
 *
 * A program has ended when its process has, even if it left descendants. At the deadline the
 * process groups of the others get SIGTERM, and are not waited for.
 *
 * names: NULL-terminated, or NULL. Returns how many results there are: as many as names, up to
 * PROGRAMS_MAX; 0 in the unit. */
size_t release_run(int root_fd, char *const *names, const ReleaseOptions *options,
                   ProgramResult results[static PROGRAMS_MAX]) _must_check_;
