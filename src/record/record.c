/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns results into entries; see record.h. */

#include "record/record.h"

#include "base/file.h"
#include "record/entry.h"

int record_read_boot_id(Record *record, int root_fd) {
        _cleanup_free_ char *uuid = NULL;
        size_t n = 0;
        int r;

        record->boot_id[0] = '\0';
        r = file_read(root_fd, "proc/sys/kernel/random/boot_id", &uuid);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (const char *at = uuid; *at && n + 1 < sizeof(record->boot_id); at++)
                if (*at != '-')
                        record->boot_id[n++] = *at;
        record->boot_id[n] = '\0';
        return 0;
}

static Entry begin_entry(const Record *record, EntryKind kind) {
        Entry entry = {
                .kind = kind,
                .stage = record->stage,
                .action = record->action,
                .stage_usec = record->started_usec,
        };

        (void) snprintf(entry.boot_id, sizeof(entry.boot_id), "%s", record->boot_id);
        return entry;
}

static void set_waited_for(Entry *entry, const Topology *topology, const StepResult *result) {
        entry->n_waited_for = result->n_gates + result->n_turns;
        if (entry->n_waited_for == 0)
                return;
        (void) snprintf(entry->released_by, sizeof(entry->released_by), "%s",
                        topology->devices[result->released_by].address);
}

void record_log_result(const Record *record, const Topology *topology, size_t device,
                       const StepResult *result) {
        Entry entry = begin_entry(record, ENTRY_CONTROLLER);

        entry_set_drive(&entry, topology, device);
        (void) snprintf(entry.reason, sizeof(entry.reason), "%s", result->reason);
        entry.outcome = result->outcome;
        entry.is_flushed = result->is_flushed;
        entry.is_verified = result->is_verified;
        entry.started_usec = result->started_usec;
        memcpy(entry.phase_usec, result->phase_usec, sizeof(entry.phase_usec));
        set_waited_for(&entry, topology, result);
        entry_log(&entry);
}

void record_log_controller(const Record *record, const Topology *topology, size_t device) {
        record_log_result(record, topology, device, &record->results[device]);
}

void record_log_released(const Record *record, const Topology *topology, size_t device) {
        const Device *d = &topology->devices[device];
        const StepResult *result = &record->results[device];
        Entry entry = begin_entry(record, ENTRY_RELEASED);

        (void) snprintf(entry.address, sizeof(entry.address), "%s", d->address);
        (void) snprintf(entry.device, sizeof(entry.device), "%s", device_kind_to_string(d->kind));
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

void record_log_program(const Record *record, const ProgramResult *program) {
        Entry entry = begin_entry(record, ENTRY_PROGRAM);

        entry.program = *program;
        entry_log(&entry);
}
