/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show_trend(); see report.h. */

#include "base/text.h"
#include "show/columns.h"
#include "show/report.h"
#include "show/report_json.h"

/* The number of columns on the left and on the right of the shutdowns'. */
#define COLUMNS_BEFORE 2
#define COLUMNS_AFTER 2

/* "12-31 23:59", or the first part of a boot id */
#define HEADING_MAX 32

static unsigned slower_percent(const Trend *trend) {
        return (unsigned) ((double) (trend->last_usec - trend->earlier_usec) * 100 /
                           (double) trend->earlier_usec);
}

static Column *make_columns(const Report *reports, size_t n_reports,
                            char (*headings)[HEADING_MAX]) {
        Column *columns = calloc(n_reports + COLUMNS_BEFORE + COLUMNS_AFTER, sizeof(*columns));

        if (!columns)
                return NULL;
        columns[0] = (Column){ "DRIVE" };
        columns[1] = (Column){ "SERIAL" };
        for (size_t i = 0; i < n_reports; i++) {
                time_t time = (time_t) (reports[i].began_usec / USEC_PER_SEC);
                struct tm tm;

                /* The boot's start; it is unknown for a boot that only imported entries name. */
                if (reports[i].began_usec > 0 && localtime_r(&time, &tm))
                        (void) strftime(headings[i], sizeof(headings[i]), "%m-%d %H:%M", &tm);
                else
                        (void) snprintf(headings[i], sizeof(headings[i]), "%.8s",
                                        reports[i].boot_id);
                columns[COLUMNS_BEFORE + i] = (Column){ headings[i], NULL, SCOLS_FL_RIGHT, 0 };
        }
        columns[COLUMNS_BEFORE + n_reports] = (Column){ "MEDIAN", NULL, SCOLS_FL_RIGHT, 0 };
        columns[COLUMNS_BEFORE + n_reports + 1] = (Column){ "SLOWER" };
        return columns;
}

static int add_drive(struct libscols_table *table, const Trend *trend, size_t n_reports) {
        const size_t n = n_reports + COLUMNS_BEFORE + COLUMNS_AFTER;
        _cleanup_free_ char(*times)[TEXT_USEC_MAX] = calloc(n_reports + 1, sizeof(*times));
        _cleanup_free_ const char **cells = calloc(n, sizeof(*cells));

        if (!times || !cells)
                return -ENOMEM;
        cells[0] = trend->name;
        cells[1] = trend->serial;
        for (size_t i = 0; i < n_reports; i++) {
                text_format_usec(times[i], trend->usec[i]);
                cells[COLUMNS_BEFORE + i] = times[i];
        }
        text_format_usec(times[n_reports], trend->earlier_usec);
        cells[COLUMNS_BEFORE + n_reports] = times[n_reports];
        cells[COLUMNS_BEFORE + n_reports + 1] = trend->is_slower ? "yes" : "";
        return columns_add_line(table, cells, n);
}

static void show_slower(const Trend *trends, size_t n_trends, FILE *stream) {
        size_t n = 0;

        for (size_t i = 0; i < n_trends; i++) {
                char last[TEXT_USEC_MAX], earlier[TEXT_USEC_MAX];

                if (!trends[i].is_slower)
                        continue;
                text_format_usec(last, trends[i].last_usec);
                text_format_usec(earlier, trends[i].earlier_usec);
                (void) fprintf(stream,
                               "%s%s (%s, serial %s) takes %u%% longer than before: %s, "
                               "the median of earlier shutdowns is %s.\n",
                               n++ == 0 ? "\n" : "", trends[i].name, trends[i].model,
                               trends[i].serial, slower_percent(&trends[i]), last, earlier);
        }
        if (n == 0)
                (void) fputs("\nNo drive has become slower by more than half.\n", stream);
}

static int show_table(const Trend *trends, size_t n_trends, const Report *reports, size_t n_reports,
                      FILE *stream) {
        const size_t n = n_reports + COLUMNS_BEFORE + COLUMNS_AFTER;
        _cleanup_free_ char(*headings)[HEADING_MAX] = calloc(n_reports + 1, sizeof(*headings));
        _cleanup_table_ struct libscols_table *table = NULL;
        _cleanup_free_ Column *columns = NULL;

        columns = headings ? make_columns(reports, n_reports, headings) : NULL;
        table = columns ? columns_new_table(NULL, columns, n, false, stream) : NULL;
        if (!table)
                return -ENOMEM;
        for (size_t i = 0; i < n_trends; i++) {
                int r = add_drive(table, &trends[i], n_reports);

                if (r < 0)
                        return r;
        }
        return scols_print_table(table);
}

int show_trend(const Trend *trends, size_t n_trends, const Report *reports, size_t n_reports,
               bool json, FILE *stream) {
        int r;

        if (json)
                return show_trend_json(trends, n_trends, reports, n_reports, stream);
        r = show_table(trends, n_trends, reports, n_reports, stream);
        if (r < 0)
                return r;
        show_slower(trends, n_trends, stream);
        return 0;
}
