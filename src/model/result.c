/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See result.h. */

#include "model/result.h"

#include <stdarg.h>
#include <sys/mman.h>

#include "base/names.h"

const char *const stage_names[_STAGE_MAX] = {
        [STAGE_UNIT] = "unit",
        [STAGE_HOOK] = "hook",
        [STAGE_EXITRD] = "exitrd",
};

const char *const action_names[_ACTION_MAX] = {
        [ACTION_REBOOT] = "reboot",
        [ACTION_POWEROFF] = "poweroff",
        [ACTION_HALT] = "halt",
        [ACTION_KEXEC] = "kexec",
};

static const char *const outcome_table[_OUTCOME_MAX] = {
        [OUTCOME_PENDING] = "pending",
        [OUTCOME_DETACHED] = "detached",
        [OUTCOME_UNVERIFIED] = "unverified",
        [OUTCOME_LEFT] = "left",
        [OUTCOME_LATE] = "late",
        [OUTCOME_FAILED] = "failed",
        [OUTCOME_VANISHED] = "vanished",
        [OUTCOME_BEGUN] = "begun",
};

static const char *const phase_table[_PHASE_MAX] = {
        [PHASE_FORK] = "fork",         [PHASE_CHECK] = "check",   [PHASE_FSYNC] = "fsync",
        [PHASE_SHUTDOWN] = "shutdown", [PHASE_VERIFY] = "verify",
};

static const char *const program_end_table[_PROGRAM_END_MAX] = {
        [PROGRAM_DONE] = "done", [PROGRAM_FAILED] = "failed",   [PROGRAM_KILLED] = "killed",
        [PROGRAM_LATE] = "late", [PROGRAM_REFUSED] = "refused",
};

const char *stage_to_string(Stage stage) {
        return NAME_OF(stage_names, stage);
}

Stage stage_from_string(const char *text) {
        return (Stage) VALUE_OF(stage_names, text);
}

const char *action_to_string(Action action) {
        return NAME_OF(action_names, action);
}

Action action_from_string(const char *text) {
        return (Action) VALUE_OF(action_names, text);
}

const char *outcome_to_string(Outcome outcome) {
        return NAME_OF(outcome_table, outcome);
}

Outcome outcome_from_string(const char *text) {
        return (Outcome) VALUE_OF(outcome_table, text);
}

const char *phase_to_string(Phase phase) {
        return NAME_OF(phase_table, phase);
}

const char *program_end_to_string(ProgramEnd end) {
        return NAME_OF(program_end_table, end);
}

ProgramEnd program_end_from_string(const char *text) {
        return (ProgramEnd) VALUE_OF(program_end_table, text);
}

void step_result_set(StepResult *result, Outcome outcome, const char *format, ...) {
        va_list args;

        result->outcome = outcome;
        result->reason[0] = '\0';
        if (!format)
                return;
        va_start(args, format);
        (void) vsnprintf(result->reason, sizeof(result->reason), format, args);
        va_end(args);
}

void step_result_set_reason(StepResult *result, const char *format, ...) {
        va_list args;

        va_start(args, format);
        (void) vsnprintf(result->reason, sizeof(result->reason), format, args);
        va_end(args);
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

int record_init_shared(Record *record, Stage stage, Action action, size_t n_results) {
        size_t size = (n_results + 1) * sizeof(StepResult);
        void *results = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (results == MAP_FAILED)
                return -ENOMEM;
        *record = (Record){
                .stage = stage,
                .action = action,
                .results = results,
                .n_results = n_results,
                .shared_size = size,
        };
        return 0;
}

void record_done(Record *record) {
        if (record->shared_size > 0)
                (void) munmap(record->results, record->shared_size);
        else
                free(record->results);
        *record = RECORD_INIT;
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
                if (result->outcome != OUTCOME_LATE && result->outcome != OUTCOME_BEGUN)
                        totals.serial_usec += kernel_alone_usec(record, result);
        }
        if (totals.serial_usec > totals.elapsed_usec)
                totals.saved_usec = totals.serial_usec - totals.elapsed_usec;
        return totals;
}
