/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results, totals and log entries; see record.h. */

#include "record/record.h"

#include "base/sysfs.h"
#include "record/entry_drive.h"

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

Outcome outcome_from_string(const char *text) {
        for (Outcome outcome = 0; outcome < _OUTCOME_MAX; outcome++)
                if (STREQ(outcome_table[outcome], text))
                        return outcome;
        return _OUTCOME_INVALID;
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

int record_read_boot_id(Record *record, int root_fd) {
        _cleanup_free_ char *uuid = NULL;
        size_t n = 0;
        int r;

        r = sysfs_read(root_fd, "proc/sys/kernel/random/boot_id", &uuid);
        for (const char *at = uuid; r >= 0 && *at && n + 1 < sizeof(record->boot_id); at++)
                if (*at != '-')
                        record->boot_id[n++] = *at;
        record->boot_id[n] = '\0';
        return r == -ENOMEM ? r : 0;
}

#define GRACE_PERIODS_USEC (25 * USEC_PER_MSEC)

static usec_t kernel_alone_usec(const Record *record, const StepResult *result) {
        usec_t usec = result->phase_usec[PHASE_SHUTDOWN];

        if (usec == 0)
                return 0;
        usec -= result->contention_usec < usec ? result->contention_usec : usec;
        return usec + (record->is_rcu_expedited ? GRACE_PERIODS_USEC : 0);
}

RecordTotals record_totals(const Record *record, const Topology *topology) {
        RecordTotals totals = { .elapsed_usec = record->ended_usec - record->started_usec };

        for (size_t i = 0; i < record->n_results; i++) {
                const StepResult *result = &record->results[i];
                const Device *device = &topology->devices[i];

                if (!device->controller || device_is_undriven(device))
                        continue;
                totals.count[result->outcome]++;
                totals.n_by_word += result->outcome == OUTCOME_DETACHED && !result->is_verified;
                if (result->outcome != OUTCOME_LATE)
                        totals.serial_usec += kernel_alone_usec(record, result);
        }
        if (totals.serial_usec > totals.elapsed_usec)
                totals.saved_usec = totals.serial_usec - totals.elapsed_usec;
        return totals;
}

static void copy_text(char *target, size_t size, const char *text) {
        (void) snprintf(target, size, "%s", text ? text : "");
}

static Entry begin_entry(const Record *record, EntryKind kind) {
        Entry entry = {
                .kind = kind,
                .stage = record->stage,
                .action = record->action,
                .stage_usec = record->started_usec,
        };

        copy_text(entry.boot_id, sizeof(entry.boot_id), record->boot_id);
        return entry;
}

static void set_waited_for(Entry *entry, const Topology *topology, const StepResult *result) {
        entry->n_waited_for = result->n_gates + result->n_turns;
        if (entry->n_waited_for > 0)
                copy_text(entry->released_by, sizeof(entry->released_by),
                          topology->devices[result->released_by].address);
}

void record_log_controller(const Record *record, const Topology *topology, size_t device) {
        const StepResult *result = &record->results[device];
        Entry entry = begin_entry(record, ENTRY_CONTROLLER);

        entry_set_drive(&entry, topology, device);
        copy_text(entry.reason, sizeof(entry.reason), result->reason);
        entry.outcome = result->outcome;
        entry.is_flushed = result->is_flushed;
        entry.is_verified = result->is_verified;
        entry.started_usec = result->started_usec;
        memcpy(entry.phase_usec, result->phase_usec, sizeof(entry.phase_usec));
        set_waited_for(&entry, topology, result);
        entry_log(&entry);
}

void record_log_released(const Record *record, const Topology *topology, size_t device) {
        const Device *d = &topology->devices[device];
        const StepResult *result = &record->results[device];
        Entry entry = begin_entry(record, ENTRY_RELEASED);

        copy_text(entry.address, sizeof(entry.address), d->address);
        copy_text(entry.device, sizeof(entry.device), device_kind_to_string(d->kind));
        entry.released_usec = result->ended_usec - record->started_usec;
        entry.n_children = (unsigned) result->n_gates;
        set_waited_for(&entry, topology, result);
        entry_log(&entry);
}

void record_log_summary(const Record *record, const Topology *topology) {
        Entry entry = begin_entry(record, ENTRY_SUMMARY);

        entry.totals = record_totals(record, topology);
        entry_log(&entry);
}
