/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See rehearsal.h. */

#include "show/rehearsal.h"

#include "base/text.h"
#include "report/json_writer.h"
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

static int add_controller(struct libscols_table *table, const Device *device,
                          const StepResult *result, const RebindResult *rebind) {
        char seconds[_PHASE_MAX + 1][TEXT_USEC_MAX];
        const char *values[_COLUMN_MAX] = {
                [COLUMN_NAME] = device->controller->name,
                [COLUMN_ADDRESS] = device->address,
                [COLUMN_SERIAL] = device->controller->serial,
                [COLUMN_OUTCOME] = outcome_to_string(result->outcome),
                [COLUMN_REASON] = *rebind->reason ? rebind->reason : result->reason,
        };

        for (Phase p = 0; p < _PHASE_MAX; p++)
                if (result->outcome != OUTCOME_LEFT)
                        values[COLUMN_PHASES + p] =
                                text_format_seconds(seconds[p], result->phase_usec[p]);
        if (rebind->outcome != REBIND_NONE) {
                values[COLUMN_REBIND] = text_format_seconds(seconds[_PHASE_MAX], rebind->usec);
                values[COLUMN_REBOUND] = rebind_outcome_to_string(rebind->outcome);
        }
        return columns_add_line(table, values, _COLUMN_MAX);
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
        const RecordTotals totals = record_totals(&rehearsal->record, topology);
        _cleanup_table_ struct libscols_table *table = NULL;
        bool is_empty = true;
        int r;

        table = columns_new_table("controllers", columns, _COLUMN_MAX, false, stream);
        if (!table)
                return -ENOMEM;
        for (size_t i = 0; i < topology->n_devices; i++) {
                if (!is_shown(&topology->devices[i]))
                        continue;
                is_empty = false;
                r = add_controller(table, &topology->devices[i], &rehearsal->record.results[i],
                                   &rehearsal->rebinds[i]);
                if (r < 0)
                        return r;
        }
        if (is_empty) {
                (void) fprintf(stream, "No NVMe controllers.\n");
                return 0;
        }
        r = scols_print_table(table);
        if (r < 0)
                return r;
        print_totals(&totals, rehearsal, stream);
        return 0;
}

static void write_controller(JsonWriter *w, const Device *device, const StepResult *result,
                             const RebindResult *rebind) {
        const Controller *c = device->controller;

        json_begin_object(w, NULL);
        json_add_string(w, "name", c->name);
        json_add_string(w, "address", device->address);
        json_add_string(w, "model", c->model);
        json_add_string(w, "serial", c->serial);
        json_add_string(w, "outcome", outcome_to_string(result->outcome));
        json_add_boolean(w, "verified", result->is_verified);
        json_add_text(w, "reason", result->reason);
        json_add_number(w, "usec", result->phase_usec[PHASE_SHUTDOWN]);
        json_begin_object(w, "phases_usec");
        for (Phase p = 0; p < _PHASE_MAX; p++)
                json_add_number(w, phase_to_string(p), result->phase_usec[p]);
        json_end(w);
        json_add_string(w, "rebind", rebind_outcome_to_string(rebind->outcome));
        json_add_text(w, "rebind_reason", rebind->reason);
        json_add_number(w, "rebind_usec", rebind->usec);
        json_add_text(w, "new_name", rebind->name);
        json_add_text(w, "mend", rebind->mend);
        json_end(w);
}

static void write_totals(JsonWriter *w, const RecordTotals *totals, const Rehearsal *rehearsal) {
        json_begin_object(w, "totals");
        for (Outcome o = OUTCOME_DETACHED; o < _OUTCOME_MAX; o++)
                json_add_number(w, outcome_to_string(o), totals->count[o]);
        json_add_number(w, "elapsed_usec", totals->elapsed_usec);
        json_add_number(w, "serial_usec", totals->serial_usec);
        json_add_number(w, "saved_usec", totals->saved_usec);
        json_add_number(w, "rebind_usec", rehearsal->rebind_usec);
        json_add_boolean(w, "interrupted", rehearsal->is_interrupted);
        json_end(w);
}

static int show_json(const Topology *topology, const Rehearsal *rehearsal, FILE *stream) {
        const RecordTotals totals = record_totals(&rehearsal->record, topology);
        _cleanup_json_writer_ JsonWriter w = JSON_WRITER_INIT;

        json_begin_object(&w, NULL);
        json_begin_array(&w, "controllers");
        for (size_t i = 0; i < topology->n_devices; i++)
                if (is_shown(&topology->devices[i]))
                        write_controller(&w, &topology->devices[i], &rehearsal->record.results[i],
                                         &rehearsal->rebinds[i]);
        json_end(&w);
        write_totals(&w, &totals, rehearsal);
        json_end(&w);
        return json_writer_print(&w, stream);
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
                        (void) fprintf(stream, "%s %s is now %s.\n", d->controller->name,
                                       d->address, rebind->name);
        }
}
