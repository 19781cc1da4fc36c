/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options; which verbs there are is told by verbs_all.c or verbs_stage.c. */

#include <getopt.h>

#include "base/log.h"
#include "cli/verbs.h"
#include "version.h"

#define TREND_DEFAULT 10
#define TREND_MAX 100

/* Long options without a short one are numbered from here. */
enum {
        OPTION_GENERATE = 256,
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
                "     --json              plan, simulate, report, rehearse, config: print JSON\n"
                "     --yes               rehearse: do not ask\n"
                "     --stage=STAGE       plan: as unit, hook or exitrd would see it (default:\n"
                "                         unit)\n"
                "     --order=ORDER       plan: hierarchy, leaves, two-pass or serial, whatever\n"
                "                         Order= says\n"
                "     --root=DIR          plan, simulate, config: the machine that snapshot has\n"
                "                         recorded in that directory, not this one\n"
                "     --no-claim          plan, simulate, snapshot: do not open drives "
                "exclusively, "
                "which\n"
                "                         can make a mount fail that happens at that moment\n"
                "     --generate=N|HxP    plan, simulate: a made-up machine with that many\n"
                "                         controllers, or H host bridges with P controllers each\n"
                "     --latency=TIMES     simulate: what a shutdown takes: 2s, 0.1s-13s (drawn\n"
                "                         from that range) or 1s,2s,4s (one of these); default:\n"
                "                         what the journal and each drive say, else 4.5s\n"
                "     --seed=NUMBER       simulate: other draws (default: 0)\n"
                "     --max-parallel=N    simulate: at most N at the same time, whatever\n"
                "                         MaxParallel= says; 0: no limit\n"
                "  -b --boot=N|ID         report: the shutdown of that boot, as for journalctl\n"
                "                         (default: -1)\n"
                "     --svg=FILE          report, simulate: draw the timeline; - for standard\n"
                "                         output\n"
                "     --metrics=FILE      report: write it for Prometheus' textfile collector\n"
                "     --trend[=N]         report: compare the last N shutdowns of each drive\n"
                "                         (default: 10)\n"
                "     --journal=PATH      report: read that journal file or directory\n"
                "\nrehearse refuses on a machine that is shutting down.\n"
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

/* Where an option's text goes as it stands; NULL: it is none of these. */
static const char **find_text(Arguments *arguments, int option) {
        switch (option) {
        case 'b':
                return &arguments->boot;
        case OPTION_GENERATE:
                return &arguments->generate;
        case OPTION_JOURNAL:
                return &arguments->journal;
        case OPTION_LATENCY:
                return &arguments->latency;
        case OPTION_MAX_PARALLEL:
                return &arguments->max_parallel;
        case OPTION_METRICS:
                return &arguments->metrics;
        case OPTION_ROOT:
                return &arguments->root;
        case OPTION_SEED:
                return &arguments->seed;
        case OPTION_SVG:
                return &arguments->svg;
        default:
                return NULL;
        }
}

static int parse_stage(Arguments *arguments) {
        arguments->stage = stage_from_string(optarg);
        arguments->has_stage = true;
        if (arguments->stage >= 0)
                return 0;
        log_error("--stage=%.40s: must be unit, hook or exitrd.", optarg);
        return -EINVAL;
}

static int parse_order(Arguments *arguments) {
        arguments->order = order_from_string(optarg);
        arguments->has_order = true;
        if (arguments->order >= 0)
                return 0;
        log_error("--order=%.40s: must be hierarchy, leaves, two-pass or serial.", optarg);
        return -EINVAL;
}

/* One for each of options[]. */
typedef bool Given[ARRAY_SIZE(options)];

/* 0: go on; 1: all has been done; -EINVAL: said what is wrong. */
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
                case OPTION_YES:
                        arguments->yes = true;
                        break;
                case OPTION_NO_CLAIM:
                        arguments->no_claim = true;
                        break;
                case OPTION_STAGE:
                        r = parse_stage(arguments);
                        break;
                case OPTION_ORDER:
                        r = parse_order(arguments);
                        break;
                case OPTION_TREND:
                        r = parse_trend(optarg, &arguments->trend);
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

/* What would have no effect is not what somebody wanted. */
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
        Arguments arguments = { .stage = STAGE_UNIT, .argv0 = argc > 0 ? argv[0] : NULL };
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
                log_error("%s: one word too many: \"%.40s\".", verb->name,
                          arguments.operands[verb->max_operands]);
                return EXIT_FAILURE;
        }
        if (check_options(verb, given) < 0)
                return EXIT_FAILURE;
        r = verb->function(&arguments);
        return r == EXIT_SUCCESS && finish_output() < 0 ? EXIT_FAILURE : r;
}
