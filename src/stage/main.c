/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nvme-async-shutdown-stage: the program of unit, hook and exitrd. It is linked to libc only:
 * loading libsystemd and the others takes longer than all else that this program does to start. */

#include "base/log.h"
#include "stage/run.h"
#include "version.h"

#define HOOK_SUFFIX ".shutdown"

/* systemd-shutdown executes each file in its directory of hooks with one argument: reboot, poweroff,
 * halt, kexec or exit. Ours there is a link to this program. */
static bool is_shutdown_hook(const char *argv0) {
        size_t n = strlen(argv0), suffix = strlen(HOOK_SUFFIX);

        return n >= suffix && STREQ(argv0 + n - suffix, HOOK_SUFFIX);
}

/* An exitrd whose /shutdown is systemd-shutdown (mkinitcpio) runs the hook, too. */
static int run_hook(int argc, char *argv[]) {
        bool is_initrd = access("/etc/initrd-release", F_OK) >= 0;
        const char *word = argc < 2 ? "" : argc == 2 ? argv[1] : "more than one word";

        return stage_run(is_initrd ? STAGE_EXITRD : STAGE_HOOK, word, argv[0]);
}

static void print_help(void) {
        (void) printf(
                "nvme-async-shutdown-stage STAGE [ACTION]\n\n"
                "Runs one stage of a shutdown; units, systemd-shutdown and exitrds call it.\n"
                "Refuses on a machine that is not shutting down.\n\n"
                "  STAGE    unit, hook or exitrd\n"
                "  ACTION   reboot, poweroff, halt or kexec; hook and exitrd ask PID 1 if it is\n"
                "           missing\n\n"
                "  -h --help      Show this help\n"
                "     --version   Show the version\n\n"
                "See nvme-async-shutdown(8).\n");
}

int main(int argc, char *argv[]) {
        Stage stage;

        if (argc > 0 && is_shutdown_hook(argv[0]))
                return run_hook(argc, argv);
        if (argc == 2 && (STREQ(argv[1], "--help") || STREQ(argv[1], "-h"))) {
                print_help();
                return EXIT_SUCCESS;
        }
        if (argc == 2 && STREQ(argv[1], "--version")) {
                (void) printf("nvme-async-shutdown-stage %s\n", PROJECT_VERSION);
                return EXIT_SUCCESS;
        }
        stage = argc > 1 ? stage_from_string(argv[1]) : _STAGE_INVALID;
        if (stage < 0 || argc > 3) {
                log_error(
                        "Usage: nvme-async-shutdown-stage unit|hook|exitrd [ACTION]; see --help.");
                return EXIT_FAILURE;
        }
        return stage_run(stage, argc == 3 ? argv[2] : "", argv[0]);
}
