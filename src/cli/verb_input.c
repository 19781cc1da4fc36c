/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where plan, simulate and snapshot get their machine from: this one, a file, or made up. */

#include <sys/utsname.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/verbs.h"
#include "config/config_keys.h"
#include "report/measured.h"
#include "stage/survey.h"
#include "trial/generate.h"
#include "trial/rtd3e.h"

/* A healthy controller answers Identify within milliseconds. */
#define IDENTIFY_TIMEOUT_USEC (2 * USEC_PER_SEC)

static int read_machine(const Arguments *arguments, Snapshot *snapshot) {
        const SurveyOptions options = { .claim = !arguments->no_claim };
        _cleanup_close_ int root_fd = file_open_root("/");
        Plan plan = PLAN_INIT;
        struct utsname name;
        int r;

        if (geteuid() != 0)
                log_warning("Not root: what is in use can't be told for every controller.");
        r = root_fd < 0 ? root_fd
                        : config_read(root_fd, config_log_problem, NULL, &snapshot->config);
        if (r >= 0)
                r = survey(root_fd, &snapshot->config, &options, &snapshot->topology, &plan);
        plan_done(&plan);
        if (r >= 0 && uname(&name) == 0)
                snapshot->kernel = strdup(name.release);
        if (r >= 0 && arguments->no_claim)
                r = lines_add(&snapshot->unknown,
                              "whether the kernel holds a claim on a drive, as ZFS and "
                              "mounts in other namespaces do (--no-claim)");
        if (r < 0)
                log_error("Could not look at this machine: %s.", strerror(-r));
        return r;
}

bool verb_is_this_machine(const Arguments *arguments) {
        return !arguments->from && !arguments->generate;
}

static int read_elsewhere(const Arguments *arguments, Snapshot *snapshot) {
        char why[512] = "";
        int r;

        if (arguments->from)
                r = snapshot_read(arguments->from, snapshot, why, sizeof(why));
        else {
                config_set_defaults(&snapshot->config);
                r = topology_generate(arguments->generate, &snapshot->topology, why, sizeof(why));
        }
        if (r < 0)
                log_error("%s%s%s.", arguments->generate ? "--generate: " : "", why,
                          *why ? "" : strerror(-r));
        return r;
}

int verb_read_input(const Arguments *arguments, Snapshot *ret) {
        Snapshot snapshot = SNAPSHOT_INIT;
        int r;

        if (arguments->from && arguments->generate) {
                log_error("--from= and --generate= are two machines: take one.");
                return -EINVAL;
        }
        if (arguments->no_claim && !verb_is_this_machine(arguments)) {
                log_error(
                        "--no-claim is for this machine, not for that of --from= or --generate=.");
                return -EINVAL;
        }
        r = verb_is_this_machine(arguments) ? read_machine(arguments, &snapshot)
                                            : read_elsewhere(arguments, &snapshot);
        if (r < 0) {
                snapshot_done(&snapshot);
                return r;
        }
        for (size_t i = 0; i < snapshot.unknown.n; i++)
                log_warning("Not known: %s.", snapshot.unknown.items[i]);
        *ret = snapshot;
        return 0;
}

int verb_read_times(Snapshot *snapshot) {
        _cleanup_close_ int root_fd = file_open_root("/");
        int r;

        r = measured_read(NULL, &snapshot->topology);
        if (r < 0)
                log_warning("Could not read the journal for measured times, ignoring: %s.",
                            strerror(-r));
        r = root_fd < 0 ? root_fd : rtd3e_read(root_fd, IDENTIFY_TIMEOUT_USEC, &snapshot->topology);
        if (r < 0)
                log_warning("Could not ask the controllers for RTD3E, ignoring: %s.", strerror(-r));
        return r <= 0 ? 0
                      : lines_add(&snapshot->unknown,
                                  "RTD3E of %d controllers, which could not be asked", r);
}
