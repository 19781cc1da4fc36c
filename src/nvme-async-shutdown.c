/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options; which verbs there are is told by verbs_all.c or verbs_stage.c. */

#include <getopt.h>

#include "log.h"
#include "verbs.h"
#include "version.h"

#define TREND_DEFAULT 10
#define TREND_MAX 100

static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { "json", no_argument, NULL, 'j' },
        { "yes", no_argument, NULL, 'y' },
        { "stage", required_argument, NULL, 's' },
        { "boot", required_argument, NULL, 'b' },
        { "svg", required_argument, NULL, 'v' },
        { "metrics", required_argument, NULL, 'm' },
        { "trend", optional_argument, NULL, 't' },
        { "journal", required_argument, NULL, 'J' },
        {},
};

static void print_help(void) {
        (void) printf(
                "nvme-async-shutdown [OPTIONS...] VERB\n\n"
                "Shut idle NVMe controllers down at the same time, not one after the other.\n\n"
                "Verbs:\n");
        for (const Verb *verb = verbs; verb->name; verb++)
                (void) printf("  %-22s %s\n", verb->name, verb->help);
        (void) printf(
                "\nOptions:\n"
                "  -h --help              Show this help\n"
                "     --version           Show the version\n"
                "     --json              plan, report, rehearse, config: print JSON\n"
                "     --yes               rehearse: do not ask\n"
                "     --stage=STAGE       run: unit, hook or exitrd; plan: as that stage would\n"
                "                         see it (default: unit)\n"
                "  -b --boot=N|ID         report: the shutdown of that boot, as for journalctl\n"
                "                         (default: -1)\n"
                "     --svg=FILE          report: draw the timeline; - for standard output\n"
                "     --metrics=FILE      report: write it for Prometheus' textfile collector\n"
                "     --trend[=N]         report: compare the last N shutdowns of each drive\n"
                "                         (default: 10)\n"
                "     --journal=PATH      report: read that journal file or directory\n"
                "\nrun refuses on a machine that is not shutting down, rehearse on one that is.\n"
                "See nvme-async-shutdown(8) and nvme-async-shutdown.conf(5).\n");
}

static int parse_trend(const char *text, unsigned *ret) {
        unsigned long n;
        char *end;

        *ret = TREND_DEFAULT;
        if (!text)
                return 0;
        n = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || n < 2 || n > TREND_MAX) {
                log_error("--trend=%.40s: must be a number from 2 to %d.", text, TREND_MAX);
                return -EINVAL;
        }
        *ret = (unsigned) n;
        return 0;
}

/* 0: go on; 1: all has been done; -EINVAL: said what is wrong. */
static int parse_options(int argc, char *argv[], Arguments *arguments) {
        int c;

        while ((c = getopt_long(argc, argv, "hb:", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        print_help();
                        return 1;
                case 'V':
                        (void) printf("nvme-async-shutdown %s\n", PROJECT_VERSION);
                        return 1;
                case 'j':
                        arguments->json = true;
                        break;
                case 'y':
                        arguments->yes = true;
                        break;
                case 's':
                        arguments->stage = stage_from_string(optarg);
                        if (arguments->stage < 0) {
                                log_error("--stage=%.40s: must be unit, hook or exitrd.", optarg);
                                return -EINVAL;
                        }
                        arguments->has_stage = true;
                        break;
                case 'b':
                        arguments->boot = optarg;
                        break;
                case 'v':
                        arguments->svg = optarg;
                        break;
                case 'm':
                        arguments->metrics = optarg;
                        break;
                case 'J':
                        arguments->journal = optarg;
                        break;
                case 't':
                        if (parse_trend(optarg, &arguments->trend) < 0)
                                return -EINVAL;
                        break;
                default:
                        log_error("Try nvme-async-shutdown --help.");
                        return -EINVAL;
                }
        return 0;
}

static const Verb *find_verb(const char *name) {
        for (const Verb *verb = verbs; verb->name; verb++)
                if (STREQ(verb->name, name))
                        return verb;
        return NULL;
}

/* systemd-shutdown gives its executables one argument: reboot, poweroff, halt, kexec or exit. */
static bool is_shutdown_hook(const char *argv0) {
        static const char suffix[] = ".shutdown";
        size_t n = argv0 ? strlen(argv0) : 0;

        return n >= strlen(suffix) && STREQ(argv0 + n - strlen(suffix), suffix);
}

static int run_hook(int argc, char *argv[]) {
        const Arguments arguments = {
                .has_stage = true,
                .stage = STAGE_HOOK,
                .argv0 = argv[0],
                .n_operands = argc - 1,
                .operands = argv + 1,
        };

        return verb_run(&arguments);
}

int main(int argc, char *argv[]) {
        Arguments arguments = { .stage = STAGE_UNIT, .argv0 = argc > 0 ? argv[0] : NULL };
        const Verb *verb = &verbs[0];
        int r;

        if (is_shutdown_hook(arguments.argv0))
                return run_hook(argc, argv);
        r = parse_options(argc, argv, &arguments);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (optind < argc) {
                verb = find_verb(argv[optind]);
                if (!verb) {
                        log_error("Unknown verb \"%.40s\". Try nvme-async-shutdown --help.",
                                  argv[optind]);
                        return EXIT_FAILURE;
                }
                optind++;
        }
        arguments.operands = argv + optind;
        arguments.n_operands = argc - optind;
        if (arguments.n_operands > verb->max_operands) {
                log_error("%s: one word too many: \"%.40s\".", verb->name,
                          arguments.operands[verb->max_operands]);
                return EXIT_FAILURE;
        }
        return verb->function(&arguments);
}
