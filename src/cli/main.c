/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses the command line and runs the verb; the table of verbs is in verbs_all.c. */

#include <getopt.h>

#include "base/log.h"
#include "cli/verbs.h"
#include "version.h"

#define TREND_DEFAULT 10
#define TREND_MAX 100

/* Long options without a short one are numbered from here. */
enum {
        OPTION_AT_BOOT = 256,
        OPTION_GENERATE,
        OPTION_JOURNAL,
        OPTION_JSON,
        OPTION_LATENCY,
        OPTION_MAX_PARALLEL,
        OPTION_METRICS,
        OPTION_NO_CLAIM,
        OPTION_ORDER,
        OPTION_ROOT,
        OPTION_SEED,
        OPTION_STAGE,
        OPTION_SVG,
        OPTION_TREND,
        OPTION_VERSION,
        OPTION_YES,
};

static const struct option options[] = {
        { "at-boot", no_argument, NULL, OPTION_AT_BOOT },
        { "boot", required_argument, NULL, 'b' },
        { "generate", required_argument, NULL, OPTION_GENERATE },
        { "help", no_argument, NULL, 'h' },
        { "journal", required_argument, NULL, OPTION_JOURNAL },
        { "json", no_argument, NULL, OPTION_JSON },
        { "latency", required_argument, NULL, OPTION_LATENCY },
        { "max-parallel", required_argument, NULL, OPTION_MAX_PARALLEL },
        { "metrics", required_argument, NULL, OPTION_METRICS },
        { "no-claim", no_argument, NULL, OPTION_NO_CLAIM },
        { "order", required_argument, NULL, OPTION_ORDER },
        { "root", required_argument, NULL, OPTION_ROOT },
        { "seed", required_argument, NULL, OPTION_SEED },
        { "stage", required_argument, NULL, OPTION_STAGE },
        { "svg", required_argument, NULL, OPTION_SVG },
        { "trend", optional_argument, NULL, OPTION_TREND },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "yes", no_argument, NULL, OPTION_YES },
        {},
};

static void print_help(void) {
        (void) printf("nvme-async-shutdown [OPTIONS...] VERB\n\n"
                      "Shut idle NVMe controllers down concurrently, not one after the other.\n\n"
                      "Verbs:\n");
        for (const Verb *verb = verbs; verb->name; verb++)
                (void) printf("  %-22s %s\n", verb->name, verb->help);
        (void) printf(
                "\nOptions:\n"
                "  -h --help              Show this help\n"
                "     --version           Show the version\n"
                "\nplan, simulate, report, rehearse, config:\n"
                "     --json              Print JSON\n"
                "\nplan, simulate, config:\n"
                "     --root=DIR          Read the machine that snapshot recorded in DIR\n"
                "\nplan, simulate:\n"
                "     --generate=N|HxP    Use a made-up machine with N controllers, or with H\n"
                "                         host bridges and P controllers below each\n"
                "\nplan, simulate, snapshot:\n"
                "     --no-claim          Do not open drives exclusively, which can make a mount\n"
                "                         fail that happens at that moment\n"
                "\nplan:\n"
                "     --stage=STAGE       Plan for unit, hook or exitrd (default: unit)\n"
                "     --order=ORDER       hierarchy, leaves, two-pass or serial; overrides Order=\n"
                "\nsimulate:\n"
                "     --latency=TIMES     Shutdown times: 2s, 0.1s-13s (drawn from that range) or\n"
                "                         1s,2s,4s (one of these); default: RTD3E of each drive,\n"
                "                         else 4.5s\n"
                "     --seed=NUMBER       Draw other times (default: 0)\n"
                "     --max-parallel=N    At most N controllers at a time, 0 for no limit;\n"
                "                         overrides MaxParallel=\n"
                "\nreport:\n"
                "  -b --boot=N|ID         Report that boot, numbered as for journalctl (default:\n"
                "                         -1)\n"
                "     --journal=PATH      Read that journal file or directory\n"
                "     --metrics=FILE      Write metrics for Prometheus' textfile collector\n"
                "     --svg=FILE          Draw the timeline; - for standard output\n"
                "     --trend[=N]         Compare the last N shutdowns of each drive (default:\n"
                "                         10)\n"
                "\nrehearse:\n"
                "     --yes               Do not ask for confirmation\n"
                "\nexitrd:\n"
                "     --at-boot           Exit 0 if any shutdown may need one\n"
                "\nSee nvme-async-shutdown(8) and nvme-async-shutdown.conf(5).\n");
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

/* Where the text of an option is stored; NULL for an option that needs more than that. */
static const char **find_text(Arguments *arguments, int option) {
        switch (option) {
        case 'b':
                return &arguments->report.boot;
        case OPTION_GENERATE:
                return &arguments->generate;
        case OPTION_JOURNAL:
                return &arguments->report.journal;
        case OPTION_LATENCY:
                return &arguments->simulate.latency;
        case OPTION_MAX_PARALLEL:
                return &arguments->simulate.max_parallel;
        case OPTION_METRICS:
                return &arguments->report.metrics;
        case OPTION_ROOT:
                return &arguments->root;
        case OPTION_SEED:
                return &arguments->simulate.seed;
        case OPTION_SVG:
                return &arguments->report.svg;
        default:
                return NULL;
        }
}

static int parse_stage(const char *text, Stage *ret) {
        *ret = stage_from_string(text);
        if (*ret >= 0)
                return 0;
        log_error("--stage=%.40s: must be unit, hook or exitrd.", text);
        return -EINVAL;
}

static int parse_order(const char *text, Order *ret) {
        *ret = order_from_string(text);
        if (*ret >= 0)
                return 0;
        log_error("--order=%.40s: must be hierarchy, leaves, two-pass or serial.", text);
        return -EINVAL;
}

/* Whether each of options[] was given. */
typedef bool Given[ARRAY_SIZE(options)];

/* Returns 0 to go on, 1 if nothing is left to do, or -EINVAL with the error logged. */
static int parse_options(int argc, char *argv[], Arguments *arguments, Given given) {
        const char **text;
        int c, r = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, "hb:", options, NULL)) >= 0) {
                for (size_t i = 0; options[i].name; i++)
                        given[i] |= options[i].val == c;
                switch (c) {
                case 'h':
                        print_help();
                        return 1;
                case OPTION_VERSION:
                        (void) printf("nvme-async-shutdown %s\n", PROJECT_VERSION);
                        return 1;
                case OPTION_JSON:
                        arguments->json = true;
                        break;
                case OPTION_AT_BOOT:
                        arguments->exitrd.at_boot = true;
                        break;
                case OPTION_YES:
                        arguments->rehearse.yes = true;
                        break;
                case OPTION_NO_CLAIM:
                        arguments->no_claim = true;
                        break;
                case OPTION_STAGE:
                        r = parse_stage(optarg, &arguments->plan.stage);
                        break;
                case OPTION_ORDER:
                        r = parse_order(optarg, &arguments->plan.order);
                        break;
                case OPTION_TREND:
                        r = parse_trend(optarg, &arguments->report.trend);
                        break;
                default:
                        text = find_text(arguments, c);
                        if (!text) {
                                log_error("Try nvme-async-shutdown --help.");
                                return -EINVAL;
                        }
                        *text = optarg;
                        break;
                }
        }
        return r;
}

static bool takes(const Verb *verb, const char *option) {
        for (const char *at = verb->options; *at; at += strspn(at, " ")) {
                size_t n = strcspn(at, " ");

                if (n == strlen(option) && memcmp(at, option, n) == 0)
                        return true;
                at += n;
        }
        return false;
}

/* Rejects an option that would have no effect, instead of ignoring it. */
static int check_options(const Verb *verb, const Given given) {
        for (size_t i = 0; options[i].name; i++)
                if (given[i] && !takes(verb, options[i].name)) {
                        log_error("%s does not take --%s. Try nvme-async-shutdown --help.",
                                  verb->name, options[i].name);
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

/* Half of the output on a full disk is a failure. */
static int finish_output(void) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return 0;
        log_error("Could not write all of it to standard output: %s.", strerror(errno));
        return -EIO;
}

int main(int argc, char *argv[]) {
        Arguments arguments = {
                .plan = { .stage = STAGE_UNIT, .order = _ORDER_INVALID },
                .argv0 = argc > 0 ? argv[0] : NULL,
        };
        const Verb *verb = &verbs[0];
        Given given = {};
        int r;

        r = parse_options(argc, argv, &arguments, given);
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
                log_error("%s: unexpected argument \"%.40s\".", verb->name,
                          arguments.operands[verb->max_operands]);
                return EXIT_FAILURE;
        }
        if (check_options(verb, given) < 0)
                return EXIT_FAILURE;
        r = verb->function(&arguments);
        return r == EXIT_SUCCESS && finish_output() < 0 ? EXIT_FAILURE : r;
}
