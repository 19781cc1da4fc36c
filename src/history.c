/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Merging and adding up; see history.h. */

#include "history.h"

void history_done(History *history) {
        free(history->controllers);
        free(history->releases);
        free(history->powers);
        *history = HISTORY_INIT;
}

usec_t history_release_usec(const Entry *release) {
        return release->stage_usec + release->released_usec;
}

static usec_t handshake(const Entry *entry) {
        return entry->phase_usec[PHASE_SHUTDOWN];
}

static bool is_same_controller(const Entry *a, const Entry *b) {
        return STREQ(a->serial, b->serial) && STREQ(a->address, b->address);
}

static void take_controller(History *history, const Entry *entry) {
        for (size_t i = 0; i < history->n_controllers; i++) {
                Entry *known = &history->controllers[i];

                if (!is_same_controller(known, entry))
                        continue;
                if (entry->stage > known->stage)
                        *known = *entry;
                return;
        }
        history->controllers[history->n_controllers++] = *entry;
}

static int compare_controllers(const void *a, const void *b) {
        const Entry *x = a, *y = b;

        if (handshake(x) != handshake(y))
                return handshake(x) < handshake(y) ? 1 : -1;
        return strverscmp(x->name, y->name);
}

static int compare_releases(const void *a, const void *b) {
        usec_t x = history_release_usec(a), y = history_release_usec(b);

        return x != y ? (x > y) - (x < y)
                      : strcmp(((const Entry *) a)->address, ((const Entry *) b)->address);
}

/* From the first moment of its controllers to the last. */
static RecordTotals add_up(const Entry *entries, size_t n, Stage stage) {
        RecordTotals totals = {};

        for (size_t i = 0; i < n; i++) {
                usec_t end = entries[i].started_usec;

                if (entries[i].kind != ENTRY_CONTROLLER || entries[i].stage != stage)
                        continue;
                for (Phase p = 0; p < _PHASE_MAX; p++)
                        end += entries[i].phase_usec[p];
                if (end > entries[i].stage_usec &&
                    end - entries[i].stage_usec > totals.elapsed_usec)
                        totals.elapsed_usec = end - entries[i].stage_usec;
                if (entries[i].outcome != OUTCOME_LATE)
                        totals.serial_usec += handshake(&entries[i]);
        }
        if (totals.serial_usec > totals.elapsed_usec)
                totals.saved_usec = totals.serial_usec - totals.elapsed_usec;
        return totals;
}

static bool is_of_stage(const Entry *entry) {
        return entry->kind == ENTRY_CONTROLLER || entry->kind == ENTRY_RELEASED ||
               entry->kind == ENTRY_SUMMARY;
}

static void add_stage(History *history, const Entry *entries, size_t n, Stage stage) {
        RecordTotals totals = add_up(entries, n, stage);

        for (size_t i = 0; i < n; i++) {
                if (entries[i].stage != stage || !is_of_stage(&entries[i]))
                        continue;
                history->has_stage[stage] = true;
                if (entries[i].stage_usec > 0)
                        history->stage_usec[stage] = entries[i].stage_usec;
                history->action = entries[i].action;
                if (entries[i].kind == ENTRY_SUMMARY)
                        totals = entries[i].totals;
        }
        history->totals.elapsed_usec += totals.elapsed_usec;
        history->totals.serial_usec += totals.serial_usec;
        history->totals.saved_usec += totals.saved_usec;
}

static void add_outcome(RecordTotals *totals, const Entry *controller) {
        totals->count[controller->outcome]++;
        totals->n_by_word += controller->outcome == OUTCOME_DETACHED && !controller->is_verified;
}

int history_make(const Entry *entries, size_t n_entries, History *ret) {
        History history = {
                .controllers = calloc(n_entries + 1, sizeof(Entry)),
                .releases = calloc(n_entries + 1, sizeof(Entry)),
                .powers = calloc(n_entries + 1, sizeof(Entry)),
        };

        if (!history.controllers || !history.releases || !history.powers) {
                history_done(&history);
                return -ENOMEM;
        }
        for (size_t i = 0; i < n_entries; i++)
                if (entries[i].kind == ENTRY_CONTROLLER)
                        take_controller(&history, &entries[i]);
                else if (entries[i].kind == ENTRY_RELEASED)
                        history.releases[history.n_releases++] = entries[i];
                else if (!is_of_stage(&entries[i]))
                        history.powers[history.n_powers++] = entries[i];
        if (n_entries > 0)
                memcpy(history.boot_id, entries[0].boot_id, sizeof(history.boot_id));
        qsort(history.controllers, history.n_controllers, sizeof(Entry), compare_controllers);
        qsort(history.releases, history.n_releases, sizeof(Entry), compare_releases);
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                add_stage(&history, entries, n_entries, stage);
        for (size_t i = 0; i < history.n_controllers; i++)
                add_outcome(&history.totals, &history.controllers[i]);
        *ret = history;
        return 0;
}
