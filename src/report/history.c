/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See history.h. */

#include "report/history.h"

void history_done(History *history) {
        free(history->controllers);
        free(history->releases);
        free(history->programs);
        free(history->powers);
        *history = HISTORY_INIT;
}

bool history_has_record(const History *history) {
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage])
                        return true;
        return false;
}

usec_t history_began_usec(const History *history) {
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage])
                        return history->stage_usec[stage];
        return 0;
}

usec_t history_release_usec(const Entry *release) {
        return release->stage_usec + release->released_usec;
}

static usec_t handshake_usec(const Entry *entry) {
        return entry->phase_usec[PHASE_SHUTDOWN];
}

static bool is_by_word(const Entry *entry) {
        return entry->outcome == OUTCOME_DETACHED && !entry->is_verified;
}

static bool is_same_controller(const Entry *a, const Entry *b) {
        return STREQ(a->serial, b->serial) && STREQ(a->address, b->address);
}

/* Of two stages that have the same controller the later one tells what became of it, unless that one
 * only saw it being shut down on behalf of the earlier one. */
static const Entry *choose_entry(const Entry *a, const Entry *b) {
        const Entry *earlier = a->stage < b->stage ? a : b, *later = earlier == a ? b : a;
        bool has_ended =
                earlier->said_before != OUTCOME_PENDING && earlier->outcome != OUTCOME_LEFT;

        if (later->outcome == OUTCOME_BEGUN || (later->outcome == OUTCOME_LEFT && has_ended))
                return earlier;
        return later;
}

static void add_controller(History *history, const Entry *entry) {
        for (size_t i = 0; i < history->n_controllers; i++) {
                Entry *known = &history->controllers[i];

                if (!is_same_controller(known, entry))
                        continue;
                *known = *choose_entry(known, entry);
                return;
        }
        history->controllers[history->n_controllers++] = *entry;
}

static int compare_controllers(const void *a, const void *b) {
        const Entry *x = a, *y = b;

        if (handshake_usec(x) != handshake_usec(y))
                return handshake_usec(x) < handshake_usec(y) ? 1 : -1;
        return strverscmp(x->name, y->name);
}

static int compare_releases(const void *a, const void *b) {
        usec_t x = history_release_usec(a), y = history_release_usec(b);

        return x != y ? CMP(x, y)
                      : strcmp(((const Entry *) a)->address, ((const Entry *) b)->address);
}

bool history_is_whole(const History *history, Stage stage) {
        return history->has_summary[stage] && history->n_found[stage] == history->n_expected[stage];
}

static bool is_of(const Entry *entry, EntryKind kind, Stage stage) {
        return entry->kind == kind && entry->stage == stage;
}

/* Adds a stage up from its controllers: from the start of the stage to the end of the last one.
 * Unlike record_totals() it can't take contention into account, which the entries don't have. */
static RecordTotals add_up_stage(const Entry *entries, size_t n, Stage stage, usec_t began_usec) {
        RecordTotals totals = {};

        for (size_t i = 0; i < n; i++) {
                usec_t end = entries[i].started_usec;

                if (!is_of(&entries[i], ENTRY_CONTROLLER, stage))
                        continue;
                for (Phase p = 0; p < _PHASE_MAX; p++)
                        end += entries[i].phase_usec[p];
                if (end > began_usec && end - began_usec > totals.elapsed_usec)
                        totals.elapsed_usec = end - began_usec;
                if (!entry_is_open(&entries[i]))
                        totals.serial_usec += handshake_usec(&entries[i]);
                totals.count[entries[i].outcome]++;
                totals.n_by_word += is_by_word(&entries[i]);
        }
        if (totals.serial_usec > totals.elapsed_usec)
                totals.saved_usec = totals.serial_usec - totals.elapsed_usec;
        return totals;
}

static bool is_of_stage(const Entry *entry) {
        return entry->kind == ENTRY_CONTROLLER || entry->kind == ENTRY_RELEASED ||
               entry->kind == ENTRY_SUMMARY;
}

static size_t count_controllers(const RecordTotals *totals) {
        size_t n = 0;

        for (Outcome outcome = 0; outcome < _OUTCOME_MAX; outcome++)
                n += totals->count[outcome];
        return n;
}

/* A controller's line in the kernel log has no room for the stage's start. If no entry has it, the
 * stage starts with its first controller. */
static usec_t find_stage_begin(const Entry *entries, size_t n, Stage stage) {
        usec_t began = 0, first = 0;

        for (size_t i = 0; i < n; i++) {
                if (entries[i].stage != stage || !is_of_stage(&entries[i]))
                        continue;
                if (entries[i].stage_usec > 0)
                        began = entries[i].stage_usec;
                if (entries[i].started_usec > 0 && (first == 0 || entries[i].started_usec < first))
                        first = entries[i].started_usec;
        }
        return began > 0 ? began : first;
}

static unsigned count_open(const RecordTotals *totals) {
        return totals->count[OUTCOME_BEGUN] + totals->count[OUTCOME_LATE];
}

/* The summary of a stage that did not wait for all counts some as begun or late. If the final one is
 * lost, the entries tell how these ended. */
static void complete_totals(const Entry *entries, size_t n, Stage stage, const RecordTotals *added,
                            RecordTotals *totals) {
        bool is_changed = false;

        for (size_t i = 0; i < n; i++) {
                const Entry *entry = &entries[i];

                if (!is_of(entry, ENTRY_CONTROLLER, stage) ||
                    entry->said_before == OUTCOME_PENDING || totals->count[entry->said_before] == 0)
                        continue;
                totals->count[entry->said_before]--;
                totals->count[entry->outcome]++;
                totals->n_by_word += is_by_word(entry);
                is_changed = true;
        }
        if (!is_changed)
                return;
        totals->elapsed_usec = added->elapsed_usec;
        totals->serial_usec = added->serial_usec;
        totals->saved_usec = added->saved_usec;
}

/* Returns the totals of the stage, by its summary or else by its controllers. */
static RecordTotals add_stage(History *history, const Entry *entries, size_t n, Stage stage) {
        RecordTotals totals, added;

        history->stage_usec[stage] = find_stage_begin(entries, n, stage);
        totals = added = add_up_stage(entries, n, stage, history->stage_usec[stage]);
        history->n_found[stage] = history->n_expected[stage] = count_controllers(&totals);
        for (size_t i = 0; i < n; i++) {
                if (entries[i].stage != stage || !is_of_stage(&entries[i]))
                        continue;
                history->has_stage[stage] = true;
                history->action = entries[i].action;
                if (entries[i].kind != ENTRY_SUMMARY ||
                    count_controllers(&entries[i].totals) < history->n_found[stage] ||
                    (history->has_summary[stage] &&
                     count_open(&entries[i].totals) > count_open(&totals)))
                        continue;
                totals = entries[i].totals;
                history->has_summary[stage] = true;
                history->n_expected[stage] = count_controllers(&totals);
        }
        if (history->has_summary[stage])
                complete_totals(entries, n, stage, &added, &totals);
        history->totals.elapsed_usec += totals.elapsed_usec;
        history->totals.serial_usec += totals.serial_usec;
        history->totals.saved_usec += totals.saved_usec;
        return totals;
}

static const Entry *find_in_stage(const Entry *entries, size_t n, Stage stage,
                                  const Entry *controller) {
        for (size_t i = 0; i < n; i++)
                if (is_of(&entries[i], ENTRY_CONTROLLER, stage) &&
                    is_same_controller(&entries[i], controller))
                        return &entries[i];
        return NULL;
}

/* Whether the later stage's entry only says that the earlier one is shutting it down. before: the
 * earlier one's entry, or NULL. */
static bool is_echo(const History *history, Stage earlier, const Entry *before,
                    const Entry *entry) {
        if (before)
                return choose_entry(before, entry) == before;
        return entry->outcome == OUTCOME_BEGUN && !history_is_whole(history, earlier);
}

/* Removes the controllers of the later stage from the counts of the earlier one; see history.h. */
static void remove_recounted(const History *history, const Entry *entries, size_t n, Stage earlier,
                             Stage later, RecordTotals stages[static _STAGE_MAX]) {
        static const Outcome coming_back[] = { OUTCOME_LEFT, OUTCOME_FAILED, OUTCOME_LATE };
        RecordTotals *totals = &stages[earlier];
        size_t n_unknown = history->n_expected[later];

        for (size_t i = 0; i < n; i++) {
                const Entry *before;

                if (!is_of(&entries[i], ENTRY_CONTROLLER, later))
                        continue;
                before = find_in_stage(entries, n, earlier, &entries[i]);
                if (is_echo(history, earlier, before, &entries[i])) {
                        unsigned *again = &stages[later].count[entries[i].outcome];

                        *again -= *again > 0;
                        n_unknown--;
                        continue;
                }
                if (before && totals->count[before->outcome] > 0) {
                        totals->count[before->outcome]--;
                        totals->n_by_word -= totals->n_by_word > 0 && is_by_word(before);
                }
                if (before || history_is_whole(history, earlier))
                        n_unknown--;
        }
        for (size_t i = 0; i < ARRAY_SIZE(coming_back); i++) {
                unsigned *count = &totals->count[coming_back[i]];
                unsigned taken = n_unknown < *count ? (unsigned) n_unknown : *count;

                *count -= taken;
                n_unknown -= taken;
        }
}

static void count_each_once(History *history, const Entry *entries, size_t n,
                            RecordTotals stages[static _STAGE_MAX]) {
        Stage later = _STAGE_MAX;

        for (Stage stage = _STAGE_MAX; stage-- > 0;) {
                if (!history->has_stage[stage])
                        continue;
                if (later < _STAGE_MAX)
                        remove_recounted(history, entries, n, stage, later, stages);
                later = stage;
        }
        for (Stage stage = 0; stage < _STAGE_MAX; stage++) {
                for (Outcome outcome = 0; outcome < _OUTCOME_MAX; outcome++)
                        history->totals.count[outcome] += stages[stage].count[outcome];
                history->totals.n_by_word += stages[stage].n_by_word;
        }
        history->n_total = count_controllers(&history->totals);
}

static void sort_entries(History *history, const Entry *entries, size_t n_entries) {
        for (size_t i = 0; i < n_entries; i++)
                if (entries[i].kind == ENTRY_CONTROLLER)
                        add_controller(history, &entries[i]);
                else if (entries[i].kind == ENTRY_RELEASED)
                        history->releases[history->n_releases++] = entries[i];
                else if (entries[i].kind == ENTRY_PROGRAM)
                        history->programs[history->n_programs++] = entries[i];
                else if (!is_of_stage(&entries[i]))
                        history->powers[history->n_powers++] = entries[i];
        qsort(history->controllers, history->n_controllers, sizeof(Entry), compare_controllers);
        qsort(history->releases, history->n_releases, sizeof(Entry), compare_releases);
}

/* How much a controller's entry tells, compared with another one of the same stage. */
static int rank_entry(const Entry *entry) {
        switch (entry->outcome) {
        case OUTCOME_BEGUN:
                return 0;
        case OUTCOME_LATE:
                return 1;
        case OUTCOME_LEFT:
                return entry->is_flushed ? 3 : 2;
        default:
                return 3;
        }
}

/* Makes one entry of two. A line of the kernel log knows less about the drive. */
static void join_entries(Entry *known, const Entry *entry) {
        const Entry copy = *known;
        const Entry *more = rank_entry(entry) > rank_entry(known) ? entry : &copy;
        const Entry *less = more == entry ? &copy : entry;

        *known = *more;
        if (less->said_before != OUTCOME_PENDING)
                known->said_before = less->said_before;
        else if (entry_is_open(less) && !entry_is_open(more))
                known->said_before = less->outcome;
        if (!*known->model)
                memcpy(known->model, less->model, sizeof(known->model));
        if (!*known->path)
                memcpy(known->path, less->path, sizeof(known->path));
        if (known->stage_usec == 0)
                known->stage_usec = less->stage_usec;
}

/* Copies the entries, with one for each controller of a stage. Returns how many there are then. */
static size_t copy_joined(const Entry *entries, size_t n_entries, Entry *target) {
        size_t n = 0;

        for (size_t i = 0; i < n_entries; i++) {
                size_t known = n;

                if (entries[i].kind == ENTRY_CONTROLLER)
                        for (known = 0; known < n; known++)
                                if (is_of(&target[known], ENTRY_CONTROLLER, entries[i].stage) &&
                                    is_same_controller(&target[known], &entries[i]))
                                        break;
                if (known < n)
                        join_entries(&target[known], &entries[i]);
                else
                        target[n++] = entries[i];
        }
        return n;
}

int history_make(const Entry *all, size_t n_all, History *ret) {
        _cleanup_free_ Entry *entries = calloc(n_all + 1, sizeof(Entry));
        _cleanup_history_ History history = {
                .controllers = calloc(n_all + 1, sizeof(Entry)),
                .releases = calloc(n_all + 1, sizeof(Entry)),
                .programs = calloc(n_all + 1, sizeof(Entry)),
                .powers = calloc(n_all + 1, sizeof(Entry)),
        };
        RecordTotals stages[_STAGE_MAX];
        size_t n_entries;

        if (!entries || !history.controllers || !history.releases || !history.programs ||
            !history.powers)
                return -ENOMEM;
        n_entries = copy_joined(all, n_all, entries);
        sort_entries(&history, entries, n_entries);
        if (n_entries > 0)
                memcpy(history.boot_id, entries[0].boot_id, sizeof(history.boot_id));
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                stages[stage] = add_stage(&history, entries, n_entries, stage);
        count_each_once(&history, entries, n_entries, stages);
        *ret = TAKE(history, HISTORY_INIT);
        return 0;
}
