/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show_report_metrics(), for node_exporter's textfile collector; see report.h. */

#include <inttypes.h>

#include "show/report.h"

static void print_head(FILE *stream, const char *name, const char *help) {
        (void) fprintf(stream,
                       "# HELP nvme_async_shutdown_%s %s\n# TYPE nvme_async_shutdown_%s "
                       "gauge\n",
                       name, help, name);
}

static void print_seconds(FILE *stream, const char *name, const char *help, usec_t usec) {
        print_head(stream, name, help);
        (void) fprintf(stream, "nvme_async_shutdown_%s %.6f\n", name, (double) usec / 1e6);
}

/* The format wants backslash, quote and line break escaped; our strings have no line breaks. */
static void print_label(FILE *stream, const char *name, const char *value) {
        (void) fprintf(stream, "%s=\"", name);
        for (; *value; value++) {
                if (*value == '\\' || *value == '"')
                        (void) fputc('\\', stream);
                (void) fputc(*value, stream);
        }
        (void) fputc('"', stream);
}

static void print_drive_labels(FILE *stream, const Entry *entry) {
        print_label(stream, "{name", entry->name);
        print_label(stream, ",address", entry->address);
        print_label(stream, ",serial", entry->serial);
        print_label(stream, ",model", entry->model);
}

static void print_controllers(const History *history, FILE *stream) {
        print_head(stream, "controller_seconds",
                   "Time of the controller's shutdown handshake, 0 if it was left to the kernel.");
        for (size_t i = 0; i < history->n_controllers; i++) {
                const Entry *entry = &history->controllers[i];

                (void) fputs("nvme_async_shutdown_controller_seconds", stream);
                print_drive_labels(stream, entry);
                print_label(stream, ",stage", stage_to_string(entry->stage));
                print_label(stream, ",outcome", outcome_to_string(entry->outcome));
                (void) fprintf(stream, "} %.6f\n",
                               (double) entry->phase_usec[PHASE_SHUTDOWN] / 1e6);
        }
}

static void print_power(const History *history, FILE *stream) {
        print_head(stream, "clean",
                   "1: power was removed and the drive's unsafe-shutdown counter did not increase, "
                   "0: it "
                   "did.");
        for (size_t i = 0; i < history->n_powers; i++) {
                const Entry *entry = &history->powers[i];

                if (entry->kind == ENTRY_POWER_KEPT)
                        continue;
                (void) fputs("nvme_async_shutdown_clean", stream);
                print_drive_labels(stream, entry);
                (void) fprintf(stream, "} %d\n", entry->kind == ENTRY_POWER_CLEAN);
        }
}

/* Shows how much of each stage's record is missing. */
static void print_stages(const History *history, FILE *stream) {
        print_head(stream, "whole",
                   "1: the stage's record has its summary and an entry for each controller, 0: "
                   "entries are missing.");
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage])
                        (void) fprintf(stream, "nvme_async_shutdown_whole{stage=\"%s\"} %d\n",
                                       stage_to_string(stage), history_is_whole(history, stage));
        print_head(stream, "entries_found", "Controllers of the stage that have an entry.");
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage])
                        (void) fprintf(stream,
                                       "nvme_async_shutdown_entries_found{stage=\"%s\"} %zu\n",
                                       stage_to_string(stage), history->n_found[stage]);
        print_head(stream, "entries_expected", "Controllers in the stage's summary.");
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_summary[stage])
                        (void) fprintf(stream,
                                       "nvme_async_shutdown_entries_expected{stage=\"%s\"} %zu\n",
                                       stage_to_string(stage), history->n_expected[stage]);
}

int show_report_metrics(const Report *report, FILE *stream) {
        const History *history = &report->history;
        const RecordTotals *totals = &history->totals;
        const usec_t began = history_began_usec(history);

        if (report->began_usec > 0 && began > 0)
                print_seconds(stream, "timestamp_seconds",
                              "When that shutdown began, since the epoch.",
                              report->began_usec + began);
        print_head(stream, "record",
                   "1: there is a record of that stage of the last shutdown, 0: there is none.");
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                (void) fprintf(stream, "nvme_async_shutdown_record{stage=\"%s\"} %d\n",
                               stage_to_string(stage), history->has_stage[stage]);
        print_stages(history, stream);
        print_head(stream, "controllers", "NVMe controllers by outcome.");
        for (Outcome outcome = OUTCOME_DETACHED; outcome < _OUTCOME_MAX; outcome++)
                (void) fprintf(stream, "nvme_async_shutdown_controllers{outcome=\"%s\"} %u\n",
                               outcome_to_string(outcome), totals->count[outcome]);
        print_head(stream, "by_drivers_word",
                   "Detached NVMe controllers whose CSTS could not be read; the driver reported no "
                   "problem.");
        (void) fprintf(stream, "nvme_async_shutdown_by_drivers_word %u\n", totals->n_by_word);
        print_seconds(stream, "elapsed_seconds", "Time of all stages.", totals->elapsed_usec);
        print_seconds(stream, "serial_seconds",
                      "About how long the kernel alone would have taken, one after the other.",
                      totals->serial_usec);
        print_seconds(stream, "saved_seconds", "serial_seconds less elapsed_seconds.",
                      totals->saved_usec);
        print_controllers(history, stream);
        print_power(history, stream);
        return fflush(stream) != 0 || ferror(stream) ? -EIO : 0;
}
