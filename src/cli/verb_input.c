/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where plan, simulate and snapshot get their machine from: this one, a directory, or made up. */

#include "base/file.h"
#include "base/log.h"
#include "base/recorded.h"
#include "cli/verbs.h"
#include "config/config.h"
#include "stage/survey.h"
#include "trial/generate.h"
#include "trial/rtd3e.h"

#define UNKNOWN_MAX ((size_t) 1024 * 1024)

void machine_done(Machine *machine) {
        config_done(&machine->config);
        topology_done(&machine->topology);
        lines_done(&machine->unknown);
        *machine = MACHINE_INIT;
}

bool verb_is_this_machine(const Arguments *arguments) {
        return !arguments->root && !arguments->generate;
}

int verb_open_root(const Arguments *arguments) {
        int fd = arguments->root ? recorded_open_root(arguments->root) : file_open_root("/");

        if (fd < 0)
                log_error("%s: %s.", arguments->root ?: "/", strerror(-fd));
        return fd;
}

/* How many controllers could not be asked. */
static int read_rtd3e(int root_fd, Machine *machine) {
        int r = rtd3e_read(root_fd, RTD3E_TIMEOUT_USEC, &machine->topology);

        if (r < 0)
                log_warning("Could not ask the controllers for RTD3E, ignoring: %s.", strerror(-r));
        return r < 0 ? 0 : r;
}

/* What the snapshot could not find out. */
static int read_unknown(int root_fd, Machine *machine) {
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        int r;

        r = file_read_all(root_fd, RECORDED_UNKNOWN, UNKNOWN_MAX, &text);
        if (r == -ENOENT)
                return lines_add(&machine->unknown,
                                 "open files and claims, unless they were added: there is no "
                                 "/" RECORDED_UNKNOWN ", so no snapshot has written this root");
        rest = text;
        while (r >= 0 && (line = strsep(&rest, "\n")))
                if (*line)
                        r = lines_add(&machine->unknown, "%s", line);
        return r;
}

static int read_recorded(int root_fd, Machine *machine) {
        (void) read_rtd3e(root_fd, machine);
        return read_unknown(root_fd, machine);
}

static int read_root(const Arguments *arguments, int root_fd, Machine *machine) {
        const SurveyOptions options = { .claim = !arguments->no_claim };
        Plan plan = PLAN_INIT;
        int r;

        if (!arguments->root && geteuid() != 0)
                log_warning("Not root: can't tell for every controller whether it is in use.");
        r = config_read(root_fd, config_log_problem, NULL, &machine->config);
        if (r < 0)
                return r;
        r = survey(root_fd, &machine->config, &options, &machine->topology, &plan);
        if (r < 0)
                return r;
        plan_done(&plan);
        if (arguments->root)
                return read_recorded(root_fd, machine);
        if (!arguments->no_claim)
                return 0;
        return lines_add(&machine->unknown,
                         "whether the kernel holds a claim on a drive, as ZFS and mounts in other "
                         "namespaces do (--no-claim)");
}

static int make_up(const char *spec, Machine *machine) {
        int r;

        config_set_defaults(&machine->config);
        r = topology_generate(spec, &machine->topology);
        if (r == -EINVAL)
                log_error("--generate=%.40s: must be a number of controllers, or HOSTSxPORTS as in "
                          "4x24; at most %d controllers.",
                          spec, GENERATE_CONTROLLERS_MAX);
        else if (r < 0)
                log_error("--generate=%.40s: %s.", spec, strerror(-r));
        return r;
}

static int read_machine(const Arguments *arguments, int root_fd, Machine *machine) {
        int r;

        if (arguments->generate)
                return make_up(arguments->generate, machine);
        r = read_root(arguments, root_fd, machine);
        if (r < 0)
                log_error("Could not look at %s: %s.", arguments->root ?: "this machine",
                          strerror(-r));
        return r;
}

int verb_read_machine(const Arguments *arguments, int root_fd, Machine *ret) {
        _cleanup_(machine_done) Machine machine = MACHINE_INIT;
        int r;

        if (arguments->root && arguments->generate) {
                log_error("--root= and --generate= are two machines: take one.");
                return -EINVAL;
        }
        if (arguments->no_claim && !verb_is_this_machine(arguments)) {
                log_error(
                        "--no-claim is for this machine, not for that of --root= or --generate=.");
                return -EINVAL;
        }
        r = read_machine(arguments, root_fd, &machine);
        if (r < 0)
                return r;
        for (size_t i = 0; i < machine.unknown.n; i++)
                log_warning("Not known: %s.", machine.unknown.items[i]);
        *ret = TAKE(machine, MACHINE_INIT);
        return 0;
}

int verb_read_times(int root_fd, Machine *machine) {
        int r;

        r = read_rtd3e(root_fd, machine);
        return r == 0 ? 0
                      : lines_add(&machine->unknown,
                                  "RTD3E of %d controllers, which could not be asked", r);
}
