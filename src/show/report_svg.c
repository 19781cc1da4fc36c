/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a report to a timeline; see report.h. */

#include "show/report.h"
#include "show/svg.h"

/* Holds an address. */
#define GROUP_SIZE 32

/* The left edge is the first stage's begin; what is broken enough to be before it sticks there. */
static usec_t since(usec_t usec, usec_t begin) {
        return usec > begin ? usec - begin : 0;
}

static usec_t find_begin(const History *history) {
        usec_t begin = USEC_INFINITY;

        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage] && history->stage_usec[stage] < begin)
                        begin = history->stage_usec[stage];
        return begin;
}

/* How much of both paths is the same bridges. */
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

/* On PCIe each drive has a port of its own: what people know is the switch or backplane, the
 * nearest bridge that it has in common with another drive. Or just its port. */
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
                .start_usec = since(entry->started_usec, begin),
        };

        memcpy(row.phase_usec, entry->phase_usec, sizeof(row.phase_usec));
        return row;
}

static size_t make_marks(const History *history, usec_t begin, TimelineMark marks[_STAGE_MAX]) {
        size_t n = 0;

        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage])
                        marks[n++] = (TimelineMark){ stage_to_string(stage),
                                                     since(history->stage_usec[stage], begin) };
        return n;
}

int show_report_svg(const Report *report, FILE *stream) {
        const History *history = &report->history;
        TimelineRow *rows = calloc(history->n_controllers + 1, sizeof(*rows));
        char(*groups)[GROUP_SIZE] = calloc(history->n_controllers + 1, sizeof(*groups));
        TimelineRelease *releases = calloc(history->n_releases + 1, sizeof(*releases));
        char when[SHUTDOWN_TITLE_MAX], title[SHUTDOWN_TITLE_MAX + 32], subtitle[240], lost[64] = "";
        const usec_t begin = find_begin(history);
        TimelineMark marks[_STAGE_MAX];
        int r = -ENOMEM;

        show_shutdown_title(report, when);
        if (history->n_controllers < history->n_total)
                (void) snprintf(lost, sizeof(lost), "; the entries of %zu are lost",
                                history->n_total - history->n_controllers);
        (void) snprintf(title, sizeof(title), "NVMe controllers: %s", when);
        (void) snprintf(
                subtitle, sizeof(subtitle),
                "%u of %zu controllers detached; %.2f s, one after the other about %.2f s, saved "
                "%.2f s%s",
                history->totals.count[OUTCOME_DETACHED], history->n_total,
                (double) history->totals.elapsed_usec / 1e6,
                (double) history->totals.serial_usec / 1e6,
                (double) history->totals.saved_usec / 1e6, lost);
        if (rows && groups && releases) {
                const Timeline timeline = {
                        .title = title,
                        .subtitle = subtitle,
                        .rows = rows,
                        .n_rows = history->n_controllers,
                        .marks = marks,
                        .n_marks = make_marks(history, begin, marks),
                        .releases = releases,
                        .n_releases = history->n_releases,
                };

                for (size_t i = 0; i < history->n_controllers; i++) {
                        find_group(history, i, groups[i], sizeof(groups[i]));
                        rows[i] = make_row(&history->controllers[i], groups[i], begin);
                }
                for (size_t i = 0; i < history->n_releases; i++)
                        releases[i] = (TimelineRelease){
                                history->releases[i].address,
                                since(history_release_usec(&history->releases[i]), begin),
                        };
                r = show_svg(&timeline, stream);
        }
        free(rows);
        free(groups);
        free(releases);
        return r;
}
