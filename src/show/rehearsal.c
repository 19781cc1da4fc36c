/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsmartcols for the table; json-c for the object, for libsmartcols prints one array and no more.
 * See rehearsal.h. */

#include "show/rehearsal.h"

#include <json-c/json.h>

#include "base/text.h"
#include "show/columns.h"

enum {
        COLUMN_NAME,
        COLUMN_ADDRESS,
        COLUMN_SERIAL,
        COLUMN_OUTCOME,
        COLUMN_PHASES, /* one for each Phase */
        COLUMN_REBIND = COLUMN_PHASES + _PHASE_MAX,
        COLUMN_REBOUND,
        COLUMN_REASON,
        _COLUMN_MAX,
};

static const Column columns[_COLUMN_MAX] = {
        [COLUMN_NAME] = { "NAME", NULL, 0, 0 },
        [COLUMN_ADDRESS] = { "ADDRESS", NULL, 0, 0 },
        [COLUMN_SERIAL] = { "SERIAL", NULL, 0, 0 },
        [COLUMN_OUTCOME] = { "OUTCOME", NULL, 0, 0 },
        [COLUMN_PHASES + PHASE_FORK] = { "FORK", NULL, SCOLS_FL_RIGHT, 0 },
        [COLUMN_PHASES + PHASE_CHECK] = { "CHECK", NULL, SCOLS_FL_RIGHT, 0 },
        [COLUMN_PHASES + PHASE_FSYNC] = { "FSYNC", NULL, SCOLS_FL_RIGHT, 0 },
        [COLUMN_PHASES + PHASE_SHUTDOWN] = { "SHUTDOWN", NULL, SCOLS_FL_RIGHT, 0 },
        [COLUMN_PHASES + PHASE_VERIFY] = { "VERIFY", NULL, SCOLS_FL_RIGHT, 0 },
        [COLUMN_REBIND] = { "REBIND", NULL, SCOLS_FL_RIGHT, 0 },
        [COLUMN_REBOUND] = { "REBOUND", NULL, 0, 0 },
        [COLUMN_REASON] = { "REASON", NULL, 0, 0 },
};

static bool is_shown(const Device *device) {
        return device->controller && !device_is_undriven(device);
}

static const char *or_null(const char *text) {
        return text && *text ? text : NULL;
}

static int add_line(struct libscols_table *table, const Device *device, const StepResult *result,
                    const RebindResult *rebind) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        char seconds[_PHASE_MAX + 1][TEXT_USEC_MAX];
        const char *values[_COLUMN_MAX] = {
                [COLUMN_NAME] = device->controller->name,
                [COLUMN_ADDRESS] = device->address,
                [COLUMN_SERIAL] = device->controller->serial,
                [COLUMN_OUTCOME] = outcome_to_string(result->outcome),
                [COLUMN_REASON] = or_null(rebind->reason) ? rebind->reason : result->reason,
        };

        if (!line)
                return -ENOMEM;
        for (Phase p = 0; p < _PHASE_MAX; p++)
                if (result->outcome != OUTCOME_LEFT)
                        values[COLUMN_PHASES + p] =
                                text_format_seconds(seconds[p], result->phase_usec[p]);
        if (rebind->outcome != REBIND_NONE) {
                values[COLUMN_REBIND] = text_format_seconds(seconds[_PHASE_MAX], rebind->usec);
                values[COLUMN_REBOUND] = rebind_outcome_to_string(rebind->outcome);
        }
        return columns_set_line(line, values, _COLUMN_MAX);
}

static void print_totals(const RecordTotals *totals, const Rehearsal *rehearsal, FILE *stream) {
        char elapsed[TEXT_USEC_MAX], serial[TEXT_USEC_MAX], saved[TEXT_USEC_MAX],
                rebind[TEXT_USEC_MAX];

        (void) fprintf(stream,
                       "\n%u shut down in %s; one after the other, as the kernel alone does it: "
                       "about %s; saved: %s. Binding again took %s.\n",
                       totals->count[OUTCOME_DETACHED] + totals->count[OUTCOME_UNVERIFIED],
                       text_format_seconds(elapsed, totals->elapsed_usec),
                       text_format_seconds(serial, totals->serial_usec),
                       text_format_seconds(saved, totals->saved_usec),
                       text_format_seconds(rebind, rehearsal->rebind_usec));
}

static int show_table(const Topology *topology, const Rehearsal *rehearsal, FILE *stream) {
        RecordTotals totals = record_totals(&rehearsal->record, topology);
        struct libscols_table *table;
        bool is_empty = true;
        int r = 0;

        table = columns_new_table("controllers", columns, _COLUMN_MAX, false, stream);
        if (!table)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < topology->n_devices; i++) {
                if (!is_shown(&topology->devices[i]))
                        continue;
                is_empty = false;
                r = add_line(table, &topology->devices[i], &rehearsal->record.results[i],
                             &rehearsal->rebinds[i]);
        }
        if (r < 0 || is_empty) {
                scols_unref_table(table);
                if (r >= 0)
                        (void) fprintf(stream, "No NVMe controllers.\n");
                return r;
        }
        r = columns_print_and_free(table);
        if (r >= 0)
                print_totals(&totals, rehearsal, stream);
        return r;
}

/* Both take what they are given; a NULL value is null. */
static void add_string(struct json_object *object, const char *key, const char *value) {
        (void) json_object_object_add(object, key, value ? json_object_new_string(value) : NULL);
}

static void add_number(struct json_object *object, const char *key, usec_t value) {
        (void) json_object_object_add(object, key, json_object_new_int64((int64_t) value));
}

static struct json_object *controller_object(const Device *device, const StepResult *result,
                                             const RebindResult *rebind) {
        struct json_object *object = json_object_new_object(), *phases = json_object_new_object();
        const Controller *c = device->controller;

        add_string(object, "name", c->name);
        add_string(object, "address", device->address);
        add_string(object, "model", c->model);
        add_string(object, "serial", c->serial);
        add_string(object, "outcome", outcome_to_string(result->outcome));
        (void) json_object_object_add(object, "verified",
                                      json_object_new_boolean(result->is_verified));
        add_string(object, "reason", or_null(result->reason));
        add_number(object, "usec", result->phase_usec[PHASE_SHUTDOWN]);
        for (Phase p = 0; p < _PHASE_MAX; p++)
                add_number(phases, phase_to_string(p), result->phase_usec[p]);
        (void) json_object_object_add(object, "phases_usec", phases);
        add_string(object, "rebind", rebind_outcome_to_string(rebind->outcome));
        add_string(object, "rebind_reason", or_null(rebind->reason));
        add_number(object, "rebind_usec", rebind->usec);
        add_string(object, "new_name", or_null(rebind->name));
        add_string(object, "mend", or_null(rebind->mend));
        return object;
}

static struct json_object *totals_object(const RecordTotals *totals, const Rehearsal *rehearsal) {
        struct json_object *object = json_object_new_object();

        for (Outcome o = OUTCOME_DETACHED; o < _OUTCOME_MAX; o++)
                add_number(object, outcome_to_string(o), totals->count[o]);
        add_number(object, "elapsed_usec", totals->elapsed_usec);
        add_number(object, "serial_usec", totals->serial_usec);
        add_number(object, "saved_usec", totals->saved_usec);
        add_number(object, "rebind_usec", rehearsal->rebind_usec);
        (void) json_object_object_add(object, "interrupted",
                                      json_object_new_boolean(rehearsal->is_interrupted));
        return object;
}

static int show_json(const Topology *topology, const Rehearsal *rehearsal, FILE *stream) {
        RecordTotals totals = record_totals(&rehearsal->record, topology);
        struct json_object *object = json_object_new_object(), *list = json_object_new_array();
        const char *text;
        int r;

        for (size_t i = 0; i < topology->n_devices; i++)
                if (is_shown(&topology->devices[i]))
                        (void) json_object_array_add(
                                list, controller_object(&topology->devices[i],
                                                        &rehearsal->record.results[i],
                                                        &rehearsal->rebinds[i]));
        (void) json_object_object_add(object, "controllers", list);
        (void) json_object_object_add(object, "totals", totals_object(&totals, rehearsal));
        text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
                                                              JSON_C_TO_STRING_NOSLASHESCAPE);
        r = text && fprintf(stream, "%s\n", text) >= 0 ? 0 : -EIO;
        (void) json_object_put(object);
        return r;
}

int show_rehearsal(const Topology *topology, const Rehearsal *rehearsal, bool json, FILE *stream) {
        return json ? show_json(topology, rehearsal, stream)
                    : show_table(topology, rehearsal, stream);
}

void show_rehearsal_mending(const Topology *topology, const Rehearsal *rehearsal, FILE *stream) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const RebindResult *rebind = &rehearsal->rebinds[i];
                const Device *d = &topology->devices[i];

                if (rebind->outcome == REBIND_NONE)
                        continue;
                if (rebind->outcome != REBIND_DONE)
                        (void) fprintf(stream, "%s %s is not back: %s\n", d->controller->name,
                                       d->address, rebind->reason);
                if (*rebind->mend)
                        (void) fprintf(stream, "    %s\n", rebind->mend);
                if (*rebind->name && !STREQ(rebind->name, d->controller->name))
                        (void) fprintf(stream, "%s %s is called %s now.\n", d->controller->name,
                                       d->address, rebind->name);
        }
}
