/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "report": shows the last shutdown from the journal. */

#include <fcntl.h>
#include <sys/stat.h>

#include "base/atomic_file.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/verbs.h"
#include "show/report.h"

static int write_in_place(const char *path, int (*show)(const Report *, FILE *),
                          const Report *report) {
        _cleanup_fclose_ FILE *stream = fopen(path, "we");

        return stream ? show(report, stream) : -errno;
}

static int replace_file(const char *path, int (*show)(const Report *, FILE *),
                        const Report *report) {
        AtomicFile file;
        int r;

        r = atomic_file_open(AT_FDCWD, path, 0644, &file);
        if (r < 0)
                return r;
        r = show(report, file.stream);
        if (r < 0) {
                atomic_file_discard(&file);
                return r;
        }
        return atomic_file_commit(&file);
}

/* Writes into a pipe or a device; replaces any other file atomically. */
static int write_file(const char *path, int (*show)(const Report *, FILE *), const Report *report) {
        struct stat st;
        int r;

        if (STREQ(path, "-"))
                return show(report, stdout);
        r = stat(path, &st) >= 0 && !S_ISREG(st.st_mode) ? write_in_place(path, show, report)
                                                         : replace_file(path, show, report);
        if (r < 0)
                log_error("%s: %s", path, strerror(-r));
        return r;
}

/* To the files that were asked for; to standard output without a file, or as JSON. */
static int print_report(const Arguments *arguments, const Report *report) {
        const bool has_file = arguments->report.svg || arguments->report.metrics;
        int r;

        for (size_t i = 0; has_file && i < report->notes.n; i++)
                log_info("%s", report->notes.items[i]);
        if (arguments->report.svg) {
                r = write_file(arguments->report.svg, show_report_svg, report);
                if (r < 0)
                        return r;
        }
        if (arguments->report.metrics) {
                r = write_file(arguments->report.metrics, show_report_metrics, report);
                if (r < 0)
                        return r;
        }
        return has_file && !arguments->json ? 0 : show_report(report, arguments->json, stdout);
}

static int report_one(const Arguments *arguments, JournalRecord *journal, int root_fd,
                      const Config *config) {
        _cleanup_report_ Report report = REPORT_INIT;
        const JournalBoot *boot;
        bool is_valid;
        int r;

        boot = report_find_boot(journal, arguments->report.boot, root_fd >= 0, &is_valid);
        if (!is_valid) {
                log_error("-b %.40s: must be a number as for journalctl, or a boot id.",
                          arguments->report.boot);
                return -EINVAL;
        }
        r = report_make(journal, boot, root_fd, config, &report);
        if (r < 0)
                return r;
        r = print_report(arguments, &report);
        if (r < 0)
                return r;
        return report.history.n_total == 0 ? -ENODATA : 0;
}

/* The reports of the last n_max shutdowns with a record, from first on. */
typedef struct Trended {
        Report *reports;
        History *histories; /* borrowed from the reports */
        size_t n_max, first;
        Trend *trends;
        size_t n_trends;
} Trended;

static void trended_done(Trended *t) {
        for (size_t i = t->first; t->reports && i < t->n_max; i++)
                report_done(&t->reports[i]);
        free(t->reports);
        free(t->histories);
        (void) trends_free(t->trends, t->n_trends);
}

static int report_trend(const Arguments *arguments, JournalRecord *journal, int root_fd,
                        const Config *config) {
        const size_t n_max = arguments->report.trend;
        _cleanup_(trended_done) Trended t = { .n_max = n_max, .first = n_max };
        int r;

        t.reports = calloc(n_max, sizeof(*t.reports));
        t.histories = calloc(n_max, sizeof(*t.histories));
        if (!t.reports || !t.histories)
                return -ENOMEM;
        for (size_t i = journal->n_boots; i > 0 && t.first > 0; i--) {
                if (!journal->boots[i - 1].has_record)
                        continue;
                r = report_make(journal, &journal->boots[i - 1], root_fd, config,
                                &t.reports[t.first - 1]);
                if (r < 0)
                        return r;
                t.first--;
                t.histories[t.first] = t.reports[t.first].history;
        }
        r = history_trend(t.histories + t.first, n_max - t.first, &t.trends, &t.n_trends);
        if (r < 0)
                return r;
        r = show_trend(t.trends, t.n_trends, t.reports + t.first, n_max - t.first, arguments->json,
                       stdout);
        if (r < 0)
                return r;
        if (t.n_trends > 0)
                return 0;
        log_info("The journal has no record of any shutdown that took a drive down.");
        return -ENODATA;
}

static int report_journal(const Arguments *arguments, int root_fd, const Config *config) {
        _cleanup_(journal_record_done) JournalRecord journal = JOURNAL_RECORD_INIT;
        const char *path = arguments->report.journal;
        int r;

        r = journal_record_open(path, &journal);
        if (r < 0) {
                log_error("%s: %s", path ?: "The journal", strerror(-r));
                return r;
        }
        /* This machine's settings explain nothing about a journal from elsewhere. */
        return (arguments->report.trend > 0 ? report_trend : report_one)(
                arguments, &journal, path ? -1 : root_fd, config);
}

int verb_report(const Arguments *arguments) {
        _cleanup_close_ int root_fd = file_open_root("/");
        Config config;
        int r;

        r = root_fd < 0 ? root_fd : config_read(root_fd, config_log_problem, NULL, &config);
        if (r < 0)
                return EXIT_FAILURE;
        r = report_journal(arguments, root_fd, &config);
        config_done(&config);
        return r < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
