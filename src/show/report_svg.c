/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show_report_svg(): makes a timeline from a report; see report.h. */

#include "show/report.h"
#include "show/svg.h"

/* Holds an address. */
#define GROUP_SIZE 32

/* begin is the left edge. A damaged entry may have an earlier time: it is drawn there too. */
static usec_t usec_since(usec_t usec, usec_t begin) {
        return usec > begin ? usec - begin : 0;
}

static usec_t find_left_edge(const History *history) {
        usec_t begin = USEC_INFINITY;

        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage] && history->stage_usec[stage] < begin)
                        begin = history->stage_usec[stage];
        return begin;
}

/* Returns the length of the bridges that both paths have in common. */
static size_t shared_length(const char *a, const char *b) {
        size_t shared = 0;

        for (size_t i = 0;; i++) {
                bool a_ends = !a[i] || a[i] == '/', b_ends = !b[i] || b[i] == '/';

                if (a_ends && b_ends)
                        shared = i;
                if (a_ends != b_ends || a[i] != b[i] || !a[i])
                        return shared;
        }
}

/* On PCIe each drive has a port of its own, but people know the switch or backplane: the group is
 * the nearest bridge that the drive has in common with another one, else its port. */
static void find_group(const History *history, size_t i, char *group, size_t size) {
        const char *path = history->controllers[i].path, *address;
        char bridges[sizeof(history->controllers[i].path)];
        size_t shared = 0;

        for (size_t k = 0; k < history->n_controllers; k++) {
                size_t n = k == i ? 0 : shared_length(path, history->controllers[k].path);

                if (n > shared)
                        shared = n;
        }
        (void) snprintf(bridges, sizeof(bridges), "%.*s",
                        shared > 0 ? (int) shared : (int) strlen(path), path);
        address = strrchr(bridges, '/');
        (void) snprintf(group, size, "%.31s", address ? address + 1 : bridges);
}

static TimelineRow make_row(const Entry *entry, const char *group, usec_t begin) {
        TimelineRow row = {
                .label = entry->name,
                .detail = entry->address,
                .group = group,
                .note = entry->reason,
                .outcome = entry->outcome,
                .start_usec = usec_since(entry->started_usec, begin),
        };

        memcpy(row.phase_usec, entry->phase_usec, sizeof(row.phase_usec));
        return row;
}

static size_t make_marks(const History *history, usec_t begin, TimelineMark marks[_STAGE_MAX]) {
        size_t n = 0;

        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage])
                        marks[n++] =
                                (TimelineMark){ stage_to_string(stage),
                                                usec_since(history->stage_usec[stage], begin) };
        return n;
}

/* Owns the strings and arrays to which the Timeline points. */
typedef struct Drawing {
        usec_t begin; /* the left edge */
        char title[SHUTDOWN_TITLE_MAX + 32];
        char subtitle[240];
        TimelineRow *rows;
        char (*groups)[GROUP_SIZE];
        TimelineMark marks[_STAGE_MAX];
        TimelineRelease *releases;
} Drawing;

static void drawing_done(Drawing *drawing) {
        free(drawing->rows);
        free(drawing->groups);
        free(drawing->releases);
}

static void write_titles(Drawing *drawing, const Report *report) {
        const History *history = &report->history;
        const RecordTotals *totals = &history->totals;
        char when[SHUTDOWN_TITLE_MAX], lost[64] = "";

        show_shutdown_title(report, when);
        if (history->n_controllers < history->n_total)
                (void) snprintf(lost, sizeof(lost), "; the entries of %zu are lost",
                                history->n_total - history->n_controllers);
        (void) snprintf(drawing->title, sizeof(drawing->title), "NVMe controllers: %s", when);
        (void) snprintf(drawing->subtitle, sizeof(drawing->subtitle),
                        "%u of %zu controllers detached; %.2f s, one after the other about %.2f s, "
                        "saved %.2f s%s",
                        totals->count[OUTCOME_DETACHED], history->n_total,
                        (double) totals->elapsed_usec / 1e6, (double) totals->serial_usec / 1e6,
                        (double) totals->saved_usec / 1e6, lost);
}

static void fill_rows(Drawing *drawing, const History *history) {
        for (size_t i = 0; i < history->n_controllers; i++) {
                find_group(history, i, drawing->groups[i], sizeof(drawing->groups[i]));
                drawing->rows[i] =
                        make_row(&history->controllers[i], drawing->groups[i], drawing->begin);
        }
        for (size_t i = 0; i < history->n_releases; i++) {
                const Entry *release = &history->releases[i];

                drawing->releases[i] = (TimelineRelease){
                        release->address,
                        usec_since(history_release_usec(release), drawing->begin),
                };
        }
}

int show_report_svg(const Report *report, FILE *stream) {
        const History *history = &report->history;
        _cleanup_(drawing_done) Drawing drawing = {
                .begin = find_left_edge(history),
                .rows = calloc(history->n_controllers + 1, sizeof(*drawing.rows)),
                .groups = calloc(history->n_controllers + 1, sizeof(*drawing.groups)),
                .releases = calloc(history->n_releases + 1, sizeof(*drawing.releases)),
        };

        if (!drawing.rows || !drawing.groups || !drawing.releases)
                return -ENOMEM;
        write_titles(&drawing, report);
        fill_rows(&drawing, history);
        return show_svg(
                &(Timeline){
                        .title = drawing.title,
                        .subtitle = drawing.subtitle,
                        .rows = drawing.rows,
                        .n_rows = history->n_controllers,
                        .marks = drawing.marks,
                        .n_marks = make_marks(history, drawing.begin, drawing.marks),
                        .releases = drawing.releases,
                        .n_releases = history->n_releases,
                },
                stream);
}
