/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results, totals and log entries; see record.h. */

#include "record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <syslog.h>

#include "log.h"
#include "message_ids.h"

#define FIELDS_MAX 24
#define FIELD_MAX 512

static const char *const outcome_table[_OUTCOME_MAX] = {
        [OUTCOME_PENDING] = "pending",
        [OUTCOME_DETACHED] = "detached",
        [OUTCOME_UNVERIFIED] = "unverified",
        [OUTCOME_LEFT] = "left",
        [OUTCOME_LATE] = "late",
        [OUTCOME_FAILED] = "failed",
        [OUTCOME_VANISHED] = "vanished",
};

static const char *const phase_table[_PHASE_MAX] = {
        [PHASE_FORK] = "fork",         [PHASE_CHECK] = "check",   [PHASE_FSYNC] = "fsync",
        [PHASE_SHUTDOWN] = "shutdown", [PHASE_VERIFY] = "verify",
};

const char *outcome_to_string(Outcome outcome) {
        return outcome >= 0 && outcome < _OUTCOME_MAX ? outcome_table[outcome] : NULL;
}

const char *phase_to_string(Phase phase) {
        return phase < _PHASE_MAX ? phase_table[phase] : NULL;
}

int record_init(Record *record, Stage stage, Action action, size_t n_results) {
        StepResult *results = calloc(n_results + 1, sizeof(StepResult));

        if (!results)
                return -ENOMEM;
        *record = (Record){
                .stage = stage,
                .action = action,
                .results = results,
                .n_results = n_results,
        };
        return 0;
}

void record_done(Record *record) {
        free(record->results);
        *record = RECORD_INIT;
}

RecordTotals record_totals(const Record *record, const Topology *topology) {
        RecordTotals totals = { .elapsed_usec = record->ended_usec - record->started_usec };

        for (size_t i = 0; i < record->n_results; i++) {
                const StepResult *result = &record->results[i];
                const Device *device = &topology->devices[i];

                if (!device->controller || device_is_undriven(device))
                        continue;
                totals.count[result->outcome]++;
                if (result->outcome != OUTCOME_LATE)
                        totals.serial_usec += result->phase_usec[PHASE_SHUTDOWN];
        }
        if (totals.serial_usec > totals.elapsed_usec)
                totals.saved_usec = totals.serial_usec - totals.elapsed_usec;
        return totals;
}

/* The fields of one entry, on the stack: nothing may be allocated while the machine goes down. */
typedef struct Fields {
        char text[FIELDS_MAX][FIELD_MAX];
        const char *list[FIELDS_MAX];
        size_t n;
} Fields;

static void add_field(Fields *fields, const char *format, ...) _printf_(2, 3);
static void add_field(Fields *fields, const char *format, ...) {
        va_list args;

        if (fields->n >= FIELDS_MAX)
                return;
        va_start(args, format);
        (void) vsnprintf(fields->text[fields->n], FIELD_MAX, format, args);
        va_end(args);
        fields->list[fields->n] = fields->text[fields->n];
        fields->n++;
}

static int outcome_level(Outcome outcome) {
        switch (outcome) {
        case OUTCOME_FAILED:
        case OUTCOME_LATE:
        case OUTCOME_VANISHED:
        case OUTCOME_UNVERIFIED:
                return LOG_WARNING;
        default:
                return LOG_INFO;
        }
}

static const char *or_unknown(const char *text) {
        return text && *text ? text : "-";
}

static void format_seconds(char *buffer, size_t size, usec_t usec) {
        (void) snprintf(buffer, size, "%" PRIu64 ".%03us", usec / USEC_PER_SEC,
                        (unsigned) (usec % USEC_PER_SEC / USEC_PER_MSEC));
}

/* "detached in 2.103s", "left, flushed: /dev/nvme0n1 is mounted on /" */
static void format_outcome(const StepResult *result, char *buffer, size_t size) {
        bool is_timed = result->phase_usec[PHASE_SHUTDOWN] > 0;
        char seconds[32];

        format_seconds(seconds, sizeof(seconds), result->phase_usec[PHASE_SHUTDOWN]);
        (void) snprintf(buffer, size, "%s%s%s%s%s%s", outcome_to_string(result->outcome),
                        is_timed ? " in " : "", is_timed ? seconds : "",
                        result->is_flushed && result->outcome == OUTCOME_LEFT ? ", flushed" : "",
                        *result->reason ? ": " : "", result->reason);
}

static const char *yes_no(bool value) {
        return value ? "yes" : "no";
}

static void add_waited_for(Fields *fields, const Topology *topology, const StepResult *result) {
        if (result->n_gates + result->n_turns == 0)
                return;
        add_field(fields, "NVME_WAITED_FOR=%zu", result->n_gates + result->n_turns);
        add_field(fields, "NVME_RELEASED_BY=%s", topology->devices[result->released_by].address);
}

void record_log_controller(const Record *record, const Topology *topology, size_t device) {
        const StepResult *result = &record->results[device];
        const Device *d = &topology->devices[device];
        const Controller *c = d->controller;
        bool is_verified = result->outcome == OUTCOME_DETACHED;
        char text[REASON_MAX + 64], suffix[256];
        Fields fields = {};

        format_outcome(result, text, sizeof(text));
        add_field(&fields, "MESSAGE=%s %s: %s", or_unknown(c->name), d->address, text);
        add_field(&fields, "MESSAGE_ID=" MESSAGE_ID_CONTROLLER);
        add_field(&fields, "NVME_CONTROLLER=%s", or_unknown(c->name));
        add_field(&fields, "NVME_PCI_ADDRESS=%s", d->address);
        add_field(&fields, "NVME_MODEL=%s", or_unknown(c->model));
        add_field(&fields, "NVME_SERIAL=%s", or_unknown(c->serial));
        add_field(&fields, "NVME_STAGE=%s", stage_to_string(record->stage));
        add_field(&fields, "NVME_ACTION=%s", action_to_string(record->action));
        add_field(&fields, "NVME_OUTCOME=%s", outcome_to_string(result->outcome));
        add_field(&fields, "NVME_REASON=%s", result->reason);
        add_field(&fields, "NVME_FLUSHED=%s", yes_no(result->is_flushed));
        add_field(&fields, "NVME_VERIFIED=%s", yes_no(is_verified));
        add_field(&fields, "NVME_SHUTDOWN_USEC=%" PRIu64, result->phase_usec[PHASE_SHUTDOWN]);
        add_field(&fields, "NVME_RTD3E_USEC=%" PRIu64, result->rtd3e_usec);
        add_waited_for(&fields, topology, result);
        for (Phase p = 0; p < _PHASE_MAX; p++)
                if (p != PHASE_SHUTDOWN && result->phase_usec[p] > 0)
                        add_field(&fields, "NVME_PHASE_%s_USEC=%" PRIu64,
                                  (const char *[]){ "FORK", "CHECK", "FSYNC", "", "VERIFY" }[p],
                                  result->phase_usec[p]);
        (void) snprintf(suffix, sizeof(suffix),
                        "stage=%s outcome=%s verified=%s flushed=%s usec=%" PRIu64 " serial=%s",
                        stage_to_string(record->stage), outcome_to_string(result->outcome),
                        yes_no(is_verified), yes_no(result->is_flushed),
                        result->phase_usec[PHASE_SHUTDOWN], or_unknown(c->serial));
        log_fields(outcome_level(result->outcome), suffix, fields.list, fields.n);
}

void record_log_released(const Record *record, const Topology *topology, size_t device) {
        const Device *d = &topology->devices[device];
        const StepResult *result = &record->results[device];
        Fields fields = {};
        char seconds[32];

        format_seconds(seconds, sizeof(seconds), result->ended_usec - record->started_usec);
        add_field(&fields, "MESSAGE=%s %s released after %zu child%s, %s",
                  device_kind_to_string(d->kind), d->address, result->n_gates,
                  result->n_gates == 1 ? "" : "ren", seconds);
        add_field(&fields, "MESSAGE_ID=" MESSAGE_ID_RELEASED);
        add_field(&fields, "NVME_PCI_ADDRESS=%s", d->address);
        add_field(&fields, "NVME_STAGE=%s", stage_to_string(record->stage));
        add_waited_for(&fields, topology, result);
        log_fields(LOG_DEBUG, NULL, fields.list, fields.n);
}

void record_log_summary(const Record *record, const Topology *topology) {
        RecordTotals totals = record_totals(record, topology);
        char elapsed[32], serial[32], saved[32], suffix[320];
        const unsigned *n = totals.count;
        Fields fields = {};

        format_seconds(elapsed, sizeof(elapsed), totals.elapsed_usec);
        format_seconds(serial, sizeof(serial), totals.serial_usec);
        format_seconds(saved, sizeof(saved), totals.saved_usec);
        add_field(&fields,
                  "MESSAGE=%u NVMe controllers detached in %s, %u left, %u late, %u failed, "
                  "%u vanished, %u unverified; one after the other %s, saved %s",
                  n[OUTCOME_DETACHED], elapsed, n[OUTCOME_LEFT], n[OUTCOME_LATE], n[OUTCOME_FAILED],
                  n[OUTCOME_VANISHED], n[OUTCOME_UNVERIFIED], serial, saved);
        add_field(&fields, "MESSAGE_ID=" MESSAGE_ID_SUMMARY);
        add_field(&fields, "NVME_STAGE=%s", stage_to_string(record->stage));
        add_field(&fields, "NVME_ACTION=%s", action_to_string(record->action));
        add_field(&fields, "ELAPSED_USEC=%" PRIu64, totals.elapsed_usec);
        add_field(&fields, "SERIAL_USEC=%" PRIu64, totals.serial_usec);
        add_field(&fields, "SAVED_USEC=%" PRIu64, totals.saved_usec);
        (void) snprintf(suffix, sizeof(suffix),
                        "stage=%s summary detached=%u left=%u late=%u failed=%u vanished=%u "
                        "unverified=%u elapsed_usec=%" PRIu64 " serial_usec=%" PRIu64
                        " saved_usec=%" PRIu64,
                        stage_to_string(record->stage), n[OUTCOME_DETACHED], n[OUTCOME_LEFT],
                        n[OUTCOME_LATE], n[OUTCOME_FAILED], n[OUTCOME_VANISHED],
                        n[OUTCOME_UNVERIFIED], totals.elapsed_usec, totals.serial_usec,
                        totals.saved_usec);
        log_fields(LOG_NOTICE, suffix, fields.list, fields.n);
}
