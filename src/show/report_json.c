/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json-c; see report_json.h. Its constructors fail only for want of memory, and then put a
 * null in its place. */

#include "show/report_json.h"

#include <json-c/json.h>

static void add_text(struct json_object *object, const char *key, const char *text) {
        (void) json_object_object_add(object, key,
                                      text && *text ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *object, const char *key, uint64_t number) {
        (void) json_object_object_add(object, key, json_object_new_uint64(number));
}

static void add_boolean(struct json_object *object, const char *key, bool value) {
        (void) json_object_object_add(object, key, json_object_new_boolean(value));
}

static struct json_object *controller_to_json(const Entry *entry) {
        struct json_object *object = json_object_new_object();
        struct json_object *phases = json_object_new_object();
        const char *slash = strrchr(entry->path, '/');

        add_text(object, "name", entry->name);
        add_text(object, "address", entry->address);
        add_text(object, "parent", slash ? slash + 1 : entry->path);
        add_text(object, "path", entry->path);
        add_text(object, "model", entry->model);
        add_text(object, "serial", entry->serial);
        add_text(object, "stage", stage_to_string(entry->stage));
        add_text(object, "outcome", outcome_to_string(entry->outcome));
        /* "" and not null: a program may look into it unasked. */
        (void) json_object_object_add(object, "reason", json_object_new_string(entry->reason));
        add_boolean(object, "flushed", entry->is_flushed);
        add_boolean(object, "verified", entry->is_verified);
        add_number(object, "usec", entry->phase_usec[PHASE_SHUTDOWN]);
        add_number(object, "started_usec", entry->started_usec);
        for (Phase phase = 0; phase < _PHASE_MAX; phase++)
                add_number(phases, phase_to_string(phase), entry->phase_usec[phase]);
        (void) json_object_object_add(object, "phases", phases);
        return object;
}

static struct json_object *release_to_json(const Entry *entry) {
        struct json_object *object = json_object_new_object();

        add_text(object, "address", entry->address);
        add_text(object, "device", entry->device);
        add_text(object, "stage", stage_to_string(entry->stage));
        add_number(object, "children", entry->n_children);
        add_number(object, "usec", entry->released_usec);
        add_number(object, "released_usec", history_release_usec(entry));
        return object;
}

static struct json_object *power_to_json(const Entry *entry) {
        struct json_object *object = json_object_new_object();

        if (entry->kind == ENTRY_POWER_KEPT) {
                add_text(object, "verdict", "kept");
                add_number(object, "drives", entry->n_drives);
                return object;
        }
        add_text(object, "verdict", entry->kind == ENTRY_POWER_CLEAN ? "clean" : "unsafe");
        add_text(object, "name", entry->name);
        add_text(object, "address", entry->address);
        add_text(object, "serial", entry->serial);
        add_number(object, "power_cycles", entry->power_cycles);
        add_number(object, "new_power_cycles", entry->new_power_cycles);
        add_number(object, "unsafe_shutdowns", entry->unsafe_shutdowns);
        add_number(object, "new_unsafe_shutdowns", entry->new_unsafe_shutdowns);
        return object;
}

static struct json_object *list_to_json(const Entry *entries, size_t n,
                                        struct json_object *(*to_json)(const Entry *entry)) {
        struct json_object *list = json_object_new_array();

        for (size_t i = 0; i < n; i++)
                (void) json_object_array_add(list, to_json(&entries[i]));
        return list;
}

static struct json_object *totals_to_json(const History *history) {
        struct json_object *object = json_object_new_object();

        add_number(object, "controllers", history->n_total);
        for (Outcome outcome = OUTCOME_DETACHED; outcome < _OUTCOME_MAX; outcome++)
                add_number(object, outcome_to_string(outcome), history->totals.count[outcome]);
        add_number(object, "by_drivers_word", history->totals.n_by_word);
        add_number(object, "elapsed_usec", history->totals.elapsed_usec);
        add_number(object, "serial_usec", history->totals.serial_usec);
        add_number(object, "saved_usec", history->totals.saved_usec);
        return object;
}

/* Of these stages together. expected is null where a summary is missing: it is not known. */
static struct json_object *entries_to_json(const History *history, Stage first, Stage last) {
        struct json_object *object = json_object_new_object();
        size_t n_found = 0, n_expected = 0;
        bool is_known = true;

        for (Stage stage = first; stage <= last; stage++) {
                n_found += history->n_found[stage];
                n_expected += history->n_expected[stage];
                is_known = is_known && (!history->has_stage[stage] || history->has_summary[stage]);
        }
        (void) json_object_object_add(object, "expected",
                                      is_known ? json_object_new_uint64(n_expected) : NULL);
        add_number(object, "found", n_found);
        return object;
}

static struct json_object *stages_to_json(const History *history) {
        struct json_object *list = json_object_new_array();

        for (Stage stage = 0; stage < _STAGE_MAX; stage++) {
                struct json_object *object;

                if (!history->has_stage[stage])
                        continue;
                object = json_object_new_object();
                add_text(object, "stage", stage_to_string(stage));
                add_number(object, "began_usec", history->stage_usec[stage]);
                (void) json_object_object_add(object, "entries",
                                              entries_to_json(history, stage, stage));
                add_boolean(object, "whole", history_is_whole(history, stage));
                (void) json_object_array_add(list, object);
        }
        return list;
}

static bool has_any_stage(const History *history) {
        bool has = false;

        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                has |= history->has_stage[stage];
        return has;
}

static int print_and_free(struct json_object *root, FILE *stream) {
        const char *text = json_object_to_json_string_ext(
                root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
        int r = text && fprintf(stream, "%s\n", text) >= 0 ? 0 : -EIO;

        (void) json_object_put(root);
        return r;
}

int show_report_json(const Report *report, FILE *stream) {
        const History *history = &report->history;
        struct json_object *root = json_object_new_object();
        struct json_object *missing = json_object_new_array();

        if (!root)
                return -ENOMEM;
        add_text(root, "boot_id", report->boot_id);
        add_text(root, "action", has_any_stage(history) ? action_to_string(history->action) : NULL);
        (void) json_object_object_add(root, "stages", stages_to_json(history));
        (void) json_object_object_add(
                root, "controllers",
                list_to_json(history->controllers, history->n_controllers, controller_to_json));
        (void) json_object_object_add(
                root, "released",
                list_to_json(history->releases, history->n_releases, release_to_json));
        (void) json_object_object_add(root, "entries", entries_to_json(history, 0, _STAGE_MAX - 1));
        (void) json_object_object_add(root, "totals", totals_to_json(history));
        (void) json_object_object_add(
                root, "power", list_to_json(history->powers, history->n_powers, power_to_json));
        for (size_t i = 0; i < report->notes.n; i++)
                (void) json_object_array_add(missing,
                                             json_object_new_string(report->notes.items[i]));
        (void) json_object_object_add(root, "missing", missing);
        return print_and_free(root, stream);
}

static struct json_object *trend_to_json(const Trend *trend, size_t n_reports) {
        struct json_object *object = json_object_new_object();
        struct json_object *list = json_object_new_array();

        add_text(object, "serial", trend->serial);
        add_text(object, "address", trend->address);
        add_text(object, "name", trend->name);
        add_text(object, "model", trend->model);
        for (size_t i = 0; i < n_reports; i++)
                (void) json_object_array_add(
                        list, trend->usec[i] > 0 ? json_object_new_uint64(trend->usec[i]) : NULL);
        (void) json_object_object_add(object, "usec", list);
        add_number(object, "last_usec", trend->last_usec);
        add_number(object, "earlier_usec", trend->earlier_usec);
        add_boolean(object, "slower", trend->is_slower);
        return object;
}

int show_trend_json(const Trend *trends, size_t n_trends, const Report *reports, size_t n_reports,
                    FILE *stream) {
        struct json_object *root = json_object_new_object();
        struct json_object *shutdowns = json_object_new_array();
        struct json_object *drives = json_object_new_array();

        if (!root)
                return -ENOMEM;
        for (size_t i = 0; i < n_reports; i++)
                (void) json_object_array_add(shutdowns, json_object_new_string(reports[i].boot_id));
        for (size_t i = 0; i < n_trends; i++)
                (void) json_object_array_add(drives, trend_to_json(&trends[i], n_reports));
        (void) json_object_object_add(root, "shutdowns", shutdowns);
        (void) json_object_object_add(root, "drives", drives);
        return print_and_free(root, stream);
}
