/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See report_json.h. */

#include "show/report_json.h"

#include "report/json_writer.h"

static void write_controller(JsonWriter *w, const Entry *entry) {
        const char *slash = strrchr(entry->path, '/');

        json_begin_object(w, NULL);
        json_add_text(w, "name", entry->name);
        json_add_text(w, "address", entry->address);
        json_add_text(w, "parent", slash ? slash + 1 : entry->path);
        json_add_text(w, "path", entry->path);
        json_add_text(w, "model", entry->model);
        json_add_text(w, "serial", entry->serial);
        json_add_text(w, "stage", stage_to_string(entry->stage));
        json_add_text(w, "outcome", outcome_to_string(entry->outcome));
        /* Never null: programs search it without a check. */
        json_add_string(w, "reason", entry->reason);
        json_add_boolean(w, "flushed", entry->is_flushed);
        json_add_boolean(w, "verified", entry->is_verified);
        json_add_number(w, "usec", entry->phase_usec[PHASE_SHUTDOWN]);
        json_add_number(w, "started_usec", entry->started_usec);
        json_begin_object(w, "phases");
        for (Phase phase = 0; phase < _PHASE_MAX; phase++)
                json_add_number(w, phase_to_string(phase), entry->phase_usec[phase]);
        json_end(w);
        json_end(w);
}

static void write_release(JsonWriter *w, const Entry *entry) {
        json_begin_object(w, NULL);
        json_add_text(w, "address", entry->address);
        json_add_text(w, "device", entry->device);
        json_add_text(w, "stage", stage_to_string(entry->stage));
        json_add_number(w, "children", entry->n_children);
        json_add_number(w, "usec", entry->released_usec);
        json_add_number(w, "released_usec", history_release_usec(entry));
        json_end(w);
}

static void write_program(JsonWriter *w, const Entry *entry) {
        const ProgramResult *program = &entry->program;

        json_begin_object(w, NULL);
        json_add_text(w, "name", program->name);
        json_add_text(w, "stage", stage_to_string(entry->stage));
        json_add_text(w, "result", program_end_to_string(program->end));
        json_add_number(w, "status", program->status);
        json_add_number(w, "usec", program->usec);
        json_add_string(w, "said", program->said);
        json_end(w);
}

static void write_kept_power(JsonWriter *w, const Entry *entry) {
        json_begin_object(w, NULL);
        json_add_text(w, "verdict", "kept");
        json_add_number(w, "drives", entry->n_drives);
        json_end(w);
}

static void write_power(JsonWriter *w, const Entry *entry) {
        if (entry->kind == ENTRY_POWER_KEPT) {
                write_kept_power(w, entry);
                return;
        }
        json_begin_object(w, NULL);
        json_add_text(w, "verdict", entry->kind == ENTRY_POWER_CLEAN ? "clean" : "unsafe");
        json_add_text(w, "name", entry->name);
        json_add_text(w, "address", entry->address);
        json_add_text(w, "serial", entry->serial);
        json_add_number(w, "power_cycles", entry->power_cycles);
        json_add_number(w, "new_power_cycles", entry->new_power_cycles);
        json_add_number(w, "unsafe_shutdowns", entry->unsafe_shutdowns);
        json_add_number(w, "new_unsafe_shutdowns", entry->new_unsafe_shutdowns);
        json_end(w);
}

static void write_entries(JsonWriter *w, const char *key, const Entry *entries, size_t n,
                          void (*write)(JsonWriter *, const Entry *)) {
        json_begin_array(w, key);
        for (size_t i = 0; i < n; i++)
                write(w, &entries[i]);
        json_end(w);
}

static void write_totals(JsonWriter *w, const History *history) {
        const RecordTotals *totals = &history->totals;

        json_begin_object(w, "totals");
        json_add_number(w, "controllers", history->n_total);
        for (Outcome outcome = OUTCOME_DETACHED; outcome < _OUTCOME_MAX; outcome++)
                json_add_number(w, outcome_to_string(outcome), totals->count[outcome]);
        json_add_number(w, "by_drivers_word", totals->n_by_word);
        json_add_number(w, "elapsed_usec", totals->elapsed_usec);
        json_add_number(w, "serial_usec", totals->serial_usec);
        json_add_number(w, "saved_usec", totals->saved_usec);
        json_end(w);
}

/* The entries of stages first to last together; "expected" is null if a summary is missing. */
static void write_entry_counts(JsonWriter *w, const History *history, Stage first, Stage last) {
        size_t n_found = 0, n_expected = 0;
        bool is_known = true;

        for (Stage stage = first; stage <= last; stage++) {
                n_found += history->n_found[stage];
                n_expected += history->n_expected[stage];
                is_known = is_known && (!history->has_stage[stage] || history->has_summary[stage]);
        }
        json_begin_object(w, "entries");
        if (is_known)
                json_add_number(w, "expected", n_expected);
        else
                json_add_null(w, "expected");
        json_add_number(w, "found", n_found);
        json_end(w);
}

static void write_stages(JsonWriter *w, const History *history) {
        json_begin_array(w, "stages");
        for (Stage stage = 0; stage < _STAGE_MAX; stage++) {
                if (!history->has_stage[stage])
                        continue;
                json_begin_object(w, NULL);
                json_add_text(w, "stage", stage_to_string(stage));
                json_add_number(w, "began_usec", history->stage_usec[stage]);
                write_entry_counts(w, history, stage, stage);
                json_add_boolean(w, "whole", history_is_whole(history, stage));
                json_end(w);
        }
        json_end(w);
}

static bool has_any_stage(const History *history) {
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage])
                        return true;
        return false;
}

int show_report_json(const Report *report, FILE *stream) {
        _cleanup_json_writer_ JsonWriter w = JSON_WRITER_INIT;
        const History *history = &report->history;

        json_begin_object(&w, NULL);
        json_add_text(&w, "boot_id", report->boot_id);
        json_add_text(&w, "action",
                      has_any_stage(history) ? action_to_string(history->action) : NULL);
        write_stages(&w, history);
        write_entries(&w, "controllers", history->controllers, history->n_controllers,
                      write_controller);
        write_entries(&w, "released", history->releases, history->n_releases, write_release);
        write_entries(&w, "programs", history->programs, history->n_programs, write_program);
        write_entry_counts(&w, history, 0, _STAGE_MAX - 1);
        write_totals(&w, history);
        write_entries(&w, "power", history->powers, history->n_powers, write_power);
        json_begin_array(&w, "missing");
        for (size_t i = 0; i < report->notes.n; i++)
                json_add_string(&w, NULL, report->notes.items[i]);
        json_end(&w);
        json_end(&w);
        return json_writer_print(&w, stream);
}

static void write_trend(JsonWriter *w, const Trend *trend, size_t n_reports) {
        json_begin_object(w, NULL);
        json_add_text(w, "serial", trend->serial);
        json_add_text(w, "address", trend->address);
        json_add_text(w, "name", trend->name);
        json_add_text(w, "model", trend->model);
        json_begin_array(w, "usec");
        for (size_t i = 0; i < n_reports; i++)
                if (trend->usec[i] > 0)
                        json_add_number(w, NULL, trend->usec[i]);
                else
                        json_add_null(w, NULL);
        json_end(w);
        json_add_number(w, "last_usec", trend->last_usec);
        json_add_number(w, "earlier_usec", trend->earlier_usec);
        json_add_boolean(w, "slower", trend->is_slower);
        json_end(w);
}

int show_trend_json(const Trend *trends, size_t n_trends, const Report *reports, size_t n_reports,
                    FILE *stream) {
        _cleanup_json_writer_ JsonWriter w = JSON_WRITER_INIT;

        json_begin_object(&w, NULL);
        json_begin_array(&w, "shutdowns");
        for (size_t i = 0; i < n_reports; i++)
                json_add_string(&w, NULL, reports[i].boot_id);
        json_end(&w);
        json_begin_array(&w, "drives");
        for (size_t i = 0; i < n_trends; i++)
                write_trend(&w, &trends[i], n_reports);
        json_end(&w);
        json_end(&w);
        return json_writer_print(&w, stream);
}
