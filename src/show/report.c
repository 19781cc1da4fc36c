/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See report.h. */

#include "show/report.h"

#include "base/text.h"
#include "show/columns.h"
#include "show/report_json.h"

enum {
        COLUMN_NAME,
        COLUMN_ADDRESS,
        COLUMN_SERIAL,
        COLUMN_STAGE,
        COLUMN_OUTCOME,
        COLUMN_SHUTDOWN,
        COLUMN_FORK,
        COLUMN_CHECK,
        COLUMN_FSYNC,
        COLUMN_VERIFY,
        COLUMN_REASON,
        _COLUMN_MAX,
};

static const Column columns[_COLUMN_MAX] = {
        [COLUMN_NAME] = { "NAME" },
        [COLUMN_ADDRESS] = { "ADDRESS" },
        [COLUMN_SERIAL] = { "SERIAL" },
        [COLUMN_STAGE] = { "STAGE" },
        [COLUMN_OUTCOME] = { "OUTCOME" },
        [COLUMN_SHUTDOWN] = { "SHUTDOWN", .flags = SCOLS_FL_RIGHT },
        [COLUMN_FORK] = { "FORK", .flags = SCOLS_FL_RIGHT },
        [COLUMN_CHECK] = { "CHECK", .flags = SCOLS_FL_RIGHT },
        [COLUMN_FSYNC] = { "FSYNC", .flags = SCOLS_FL_RIGHT },
        [COLUMN_VERIFY] = { "VERIFY", .flags = SCOLS_FL_RIGHT },
        [COLUMN_REASON] = { "REASON" },
};

static const struct {
        Phase phase;
        int column;
} phase_columns[] = {
        { PHASE_SHUTDOWN, COLUMN_SHUTDOWN }, { PHASE_FORK, COLUMN_FORK },
        { PHASE_CHECK, COLUMN_CHECK },       { PHASE_FSYNC, COLUMN_FSYNC },
        { PHASE_VERIFY, COLUMN_VERIFY },
};

enum {
        RELEASE_TIME,
        RELEASE_DEVICE,
        RELEASE_ADDRESS,
        RELEASE_CHILDREN,
        RELEASE_STAGE,
        _RELEASE_MAX,
};

static const Column release_columns[_RELEASE_MAX] = {
        [RELEASE_TIME] = { "RELEASED AFTER", .flags = SCOLS_FL_RIGHT },
        [RELEASE_DEVICE] = { "BRIDGE" },
        [RELEASE_ADDRESS] = { "ADDRESS" },
        [RELEASE_CHILDREN] = { "CHILDREN", .flags = SCOLS_FL_RIGHT },
        [RELEASE_STAGE] = { "STAGE" },
};

enum {
        PROGRAM_COLUMN_NAME,
        PROGRAM_COLUMN_STAGE,
        PROGRAM_COLUMN_RESULT,
        PROGRAM_COLUMN_TIME,
        PROGRAM_COLUMN_SAID,
        _PROGRAM_COLUMN_MAX,
};

static const Column program_columns[_PROGRAM_COLUMN_MAX] = {
        [PROGRAM_COLUMN_NAME] = { "RELEASE" },
        [PROGRAM_COLUMN_STAGE] = { "STAGE" },
        [PROGRAM_COLUMN_RESULT] = { "RESULT" },
        [PROGRAM_COLUMN_TIME] = { "TOOK", .flags = SCOLS_FL_RIGHT },
        [PROGRAM_COLUMN_SAID] = { "SAID" },
};

static int add_controller(struct libscols_table *table, const Entry *entry) {
        char times[ARRAY_SIZE(phase_columns)][TEXT_USEC_MAX];
        const char *cells[_COLUMN_MAX] = {
                [COLUMN_NAME] = entry->name,
                [COLUMN_ADDRESS] = entry->address,
                [COLUMN_SERIAL] = entry->serial,
                [COLUMN_STAGE] = stage_to_string(entry->stage),
                [COLUMN_OUTCOME] = outcome_to_string(entry->outcome),
                [COLUMN_REASON] = entry->reason,
        };

        for (size_t i = 0; i < ARRAY_SIZE(phase_columns); i++) {
                text_format_usec(times[i], entry->phase_usec[phase_columns[i].phase]);
                cells[phase_columns[i].column] = times[i];
        }
        return columns_add_line(table, cells, _COLUMN_MAX);
}

static int show_controllers(const History *history, FILE *stream) {
        _cleanup_table_ struct libscols_table *table = NULL;

        table = columns_new_table(NULL, columns, _COLUMN_MAX, false, stream);
        if (!table)
                return -ENOMEM;
        for (size_t i = 0; i < history->n_controllers; i++) {
                int r = add_controller(table, &history->controllers[i]);

                if (r < 0)
                        return r;
        }
        return scols_print_table(table);
}

static int add_release(struct libscols_table *table, const Entry *release) {
        char time[TEXT_USEC_MAX], children[16];

        text_format_usec(time, release->released_usec);
        (void) snprintf(children, sizeof(children), "%u", release->n_children);
        return columns_add_line(table,
                                (const char *[_RELEASE_MAX]){
                                        [RELEASE_TIME] = time,
                                        [RELEASE_DEVICE] = release->device,
                                        [RELEASE_ADDRESS] = release->address,
                                        [RELEASE_CHILDREN] = children,
                                        [RELEASE_STAGE] = stage_to_string(release->stage),
                                },
                                _RELEASE_MAX);
}

static int show_releases(const History *history, FILE *stream) {
        _cleanup_table_ struct libscols_table *table = NULL;

        if (history->n_releases == 0)
                return 0;
        (void) fputc('\n', stream);
        table = columns_new_table(NULL, release_columns, _RELEASE_MAX, false, stream);
        if (!table)
                return -ENOMEM;
        for (size_t i = 0; i < history->n_releases; i++) {
                int r = add_release(table, &history->releases[i]);

                if (r < 0)
                        return r;
        }
        return scols_print_table(table);
}

static int add_program(struct libscols_table *table, const Entry *entry) {
        const ProgramResult *program = &entry->program;
        char time[TEXT_USEC_MAX], result[48];

        text_format_usec(time, program->usec);
        (void) snprintf(result, sizeof(result), "%s", program_end_to_string(program->end));
        if (program->end == PROGRAM_FAILED || program->end == PROGRAM_KILLED)
                (void) snprintf(result, sizeof(result), "%s %u",
                                program_end_to_string(program->end), program->status);
        return columns_add_line(table,
                                (const char *[_PROGRAM_COLUMN_MAX]){
                                        [PROGRAM_COLUMN_NAME] = program->name,
                                        [PROGRAM_COLUMN_STAGE] = stage_to_string(entry->stage),
                                        [PROGRAM_COLUMN_RESULT] = result,
                                        [PROGRAM_COLUMN_TIME] = time,
                                        [PROGRAM_COLUMN_SAID] = program->said,
                                },
                                _PROGRAM_COLUMN_MAX);
}

static int show_programs(const History *history, FILE *stream) {
        _cleanup_table_ struct libscols_table *table = NULL;

        if (history->n_programs == 0)
                return 0;
        if (history->n_controllers > 0)
                (void) fputc('\n', stream);
        table = columns_new_table(NULL, program_columns, _PROGRAM_COLUMN_MAX, false, stream);
        if (!table)
                return -ENOMEM;
        for (size_t i = 0; i < history->n_programs; i++) {
                int r = add_program(table, &history->programs[i]);

                if (r < 0)
                        return r;
        }
        return scols_print_table(table);
}

/* text_format_usec() gives "" for 0. */
static const char *or_zero(const char *time) {
        return *time ? time : "0s";
}

/* "24 controllers: 23 detached, 1 left." and the times. */
static void show_totals(const History *history, FILE *stream) {
        const RecordTotals *totals = &history->totals;
        char elapsed[TEXT_USEC_MAX], serial[TEXT_USEC_MAX], saved[TEXT_USEC_MAX];
        const char *separator = ": ";

        (void) fprintf(stream, "\n%zu NVMe controllers", history->n_total);
        for (Outcome outcome = OUTCOME_DETACHED; outcome < _OUTCOME_MAX; outcome++)
                if (totals->count[outcome] > 0) {
                        (void) fprintf(stream, "%s%u %s", separator, totals->count[outcome],
                                       outcome_to_string(outcome));
                        if (outcome == OUTCOME_DETACHED && totals->n_by_word > 0)
                                (void) fprintf(stream, " (%u by the driver's word)",
                                               totals->n_by_word);
                        separator = ", ";
                }
        text_format_usec(elapsed, totals->elapsed_usec);
        text_format_usec(serial, totals->serial_usec);
        text_format_usec(saved, totals->saved_usec);
        (void) fprintf(stream, ".\nIt took %s; one after the other about %s, saved %s.\n",
                       or_zero(elapsed), or_zero(serial), or_zero(saved));
}

static void show_power(const History *history, FILE *stream) {
        unsigned n_clean = 0;

        for (size_t i = 0; i < history->n_powers; i++) {
                const Entry *power = &history->powers[i];

                n_clean += power->kind == ENTRY_POWER_CLEAN;
                if (power->kind == ENTRY_POWER_UNSAFE)
                        (void) fprintf(stream,
                                       "%s %s did NOT go down cleanly: its unsafe-shutdown counter "
                                       "increased.\n",
                                       power->name, power->serial);
                if (power->kind == ENTRY_POWER_KEPT)
                        (void) fprintf(stream,
                                       "%u drives kept their power, which proves nothing about "
                                       "their shutdown.\n",
                                       power->n_drives);
        }
        if (n_clean > 0)
                (void) fprintf(stream,
                               "%u drives went down cleanly: power was removed and their "
                               "unsafe-shutdown counters did not increase.\n",
                               n_clean);
}

static int show_tables(const History *history, FILE *stream) {
        int r = 0;

        if (history->n_controllers > 0) {
                r = show_controllers(history, stream);
                if (r >= 0)
                        r = show_releases(history, stream);
        }
        return r < 0 ? r : show_programs(history, stream);
}

int show_report(const Report *report, bool json, FILE *stream) {
        const History *history = &report->history;
        char title[SHUTDOWN_TITLE_MAX];
        int r;

        if (json)
                return show_report_json(report, stream);
        if (*report->boot_id) {
                show_shutdown_title(report, title);
                (void) fprintf(stream, "Boot %s: %s\n\n", report->boot_id, title);
        }
        r = show_tables(history, stream);
        if (r < 0)
                return r;
        if (history->n_total > 0)
                show_totals(history, stream);
        show_power(history, stream);
        for (size_t i = 0; i < report->notes.n; i++)
                (void) fprintf(stream, "%s%s\n", i == 0 && history->n_total > 0 ? "\n" : "",
                               report->notes.items[i]);
        return 0;
}

void show_shutdown_title(const Report *report, char buffer[static SHUTDOWN_TITLE_MAX]) {
        const History *history = &report->history;
        const char *action =
                history_has_record(history) ? action_to_string(history->action) : "shutdown";
        const usec_t began = history_began_usec(history);
        char when[64] = "";
        struct tm tm;
        time_t time;

        time = (time_t) ((report->began_usec + began) / USEC_PER_SEC);
        if (report->began_usec > 0 && began > 0 && localtime_r(&time, &tm))
                (void) strftime(when, sizeof(when), " at %Y-%m-%d %H:%M:%S", &tm);
        (void) snprintf(buffer, SHUTDOWN_TITLE_MAX, "%s%s", action, when);
}
