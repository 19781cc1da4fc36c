/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "report": the last shutdown out of the journal. */

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

/* A pipe or a device is written to; everything else is replaced as a whole. */
static int write_file(const char *path, int (*show)(const Report *, FILE *), const Report *report) {
        AtomicFile file;
        struct stat st;
        int r;

        if (STREQ(path, "-"))
                return show(report, stdout);
        if (stat(path, &st) >= 0 && !S_ISREG(st.st_mode))
                r = write_in_place(path, show, report);
        else {
                r = atomic_file_open(AT_FDCWD, path, 0644, &file);
                if (r >= 0) {
                        r = show(report, file.stream);
                        if (r >= 0)
                                r = atomic_file_commit(&file);
                        else
                                atomic_file_discard(&file);
                }
        }
        if (r < 0)
                log_error("%s: %s", path, strerror(-r));
        return r;
}

static int report_one(const Arguments *arguments, JournalRecord *journal, int root_fd,
                      const Config *config) {
        const bool has_file = arguments->report.svg || arguments->report.metrics;
        const JournalBoot *boot;
        Report report;
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
        if (arguments->report.svg)
                r = write_file(arguments->report.svg, show_report_svg, &report);
        if (r >= 0 && arguments->report.metrics)
                r = write_file(arguments->report.metrics, show_report_metrics, &report);
        if (r >= 0 && (!has_file || arguments->json))
                r = show_report(&report, arguments->json, stdout);
        for (size_t i = 0; has_file && i < report.notes.n; i++)
                log_info("%s", report.notes.items[i]);
        if (r >= 0 && report.history.n_total == 0)
                r = -ENODATA;
        report_done(&report);
        return r;
}

/* The last arguments->report.trend shutdowns with a record. */
static int report_trend(const Arguments *arguments, JournalRecord *journal, int root_fd,
                        const Config *config) {
        Report *reports = calloc(arguments->report.trend, sizeof(*reports));
        History *histories = calloc(arguments->report.trend, sizeof(*histories));
        size_t first = arguments->report.trend, n_trends = 0;
        Trend *trends = NULL;
        int r = reports && histories ? 0 : -ENOMEM;

        for (size_t i = journal->n_boots; r >= 0 && i > 0 && first > 0; i--)
                if (journal->boots[i - 1].has_record) {
                        r = report_make(journal, &journal->boots[i - 1], root_fd, config,
                                        &reports[first - 1]);
                        if (r >= 0) {
                                first--;
                                histories[first] = reports[first].history;
                        }
                }
        if (r >= 0)
                r = history_trend(histories + first, arguments->report.trend - first, &trends,
                                  &n_trends);
        if (r >= 0)
                r = show_trend(trends, n_trends, reports + first, arguments->report.trend - first,
                               arguments->json, stdout);
        if (r >= 0 && n_trends == 0) {
                log_info("The journal has no record of any shutdown that took a drive down.");
                r = -ENODATA;
        }
        trends = trends_free(trends, n_trends);
        for (size_t i = first; reports && i < arguments->report.trend; i++)
                report_done(&reports[i]);
        free(reports);
        free(histories);
        return r;
}

int verb_report(const Arguments *arguments) {
        int root_fd = file_open_root("/"), r;
        JournalRecord journal = JOURNAL_RECORD_INIT;
        Config config;

        r = root_fd < 0 ? root_fd : config_read(root_fd, config_log_problem, NULL, &config);
        if (r >= 0) {
                r = journal_record_open(arguments->report.journal, &journal);
                if (r < 0)
                        log_error("%s: %s",
                                  arguments->report.journal ? arguments->report.journal
                                                            : "The journal",
                                  strerror(-r));
                /* This machine's settings explain nothing about a journal from elsewhere. */
                if (r >= 0)
                        r = (arguments->report.trend > 0 ? report_trend : report_one)(
                                arguments, &journal, arguments->report.journal ? -1 : root_fd,
                                &config);
                journal_record_done(&journal);
                config_done(&config);
        }
        if (root_fd >= 0)
                (void) close(root_fd);
        return r < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
