/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "report/history.h"

static Entry entries[16];
static size_t n_entries;
static History history;

static void teardown(void) {
        history_done(&history);
}

TestSuite(history, .fini = teardown, .timeout = 10);

static Entry *add(EntryKind kind, Stage stage, const char *name) {
        Entry *entry = &entries[n_entries++];

        *entry = (Entry){ .kind = kind,
                          .stage = stage,
                          .action = ACTION_POWEROFF,
                          .stage_usec = stage == STAGE_UNIT ? 1000 : 9000 };
        (void) snprintf(entry->name, sizeof(entry->name), "%s", name);
        (void) snprintf(entry->address, sizeof(entry->address), "at-%s", name);
        (void) snprintf(entry->serial, sizeof(entry->serial), "S-%s", name);
        (void) snprintf(entry->boot_id, sizeof(entry->boot_id), "b");
        return entry;
}

static Entry *add_controller(Stage stage, const char *name, Outcome outcome, usec_t usec) {
        Entry *entry = add(ENTRY_CONTROLLER, stage, name);

        entry->outcome = outcome;
        entry->started_usec = entry->stage_usec + 10;
        entry->phase_usec[PHASE_SHUTDOWN] = usec;
        return entry;
}

static Entry *add_summary(Stage stage, const unsigned count[_OUTCOME_MAX]) {
        Entry *entry = add(ENTRY_SUMMARY, stage, "");

        memcpy(entry->totals.count, count, sizeof(entry->totals.count));
        return entry;
}

#define COUNT(...) ((const unsigned[_OUTCOME_MAX]){ __VA_ARGS__ })
#define N(outcome) history.totals.count[OUTCOME_##outcome]

static void make(History *target) {
        cr_assert(eq(int, history_make(entries, n_entries, target), 0));
        n_entries = 0;
}

Test(history, a_controller_counts_by_its_last_stage) {
        (void) add_controller(STAGE_HOOK, "nvme1", OUTCOME_DETACHED, 300);
        (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_DETACHED, 200);
        (void) add_controller(STAGE_UNIT, "nvme1", OUTCOME_LEFT, 0);
        make(&history);
        cr_assert(eq(sz, history.n_controllers, 2));
        cr_expect(eq(str, history.controllers[0].name, "nvme1"));
        cr_expect(eq(int, (int) history.controllers[0].stage, STAGE_HOOK));
        cr_expect(eq(uint, history.totals.count[OUTCOME_DETACHED], 2));
        cr_expect(eq(uint, history.totals.count[OUTCOME_LEFT], 0));
        cr_expect(eq(int, (int) history.action, ACTION_POWEROFF));
        cr_expect(eq(str, history.boot_id, "b"));
        cr_expect(history.has_stage[STAGE_UNIT] && history.has_stage[STAGE_HOOK]);
        cr_expect(not(history.has_stage[STAGE_EXITRD]));
        cr_expect(eq(u64, history.stage_usec[STAGE_HOOK], 9000));
}

Test(history, longest_first_then_by_name) {
        static const char *const order[] = { "nvme3", "nvme2", "nvme10" };

        (void) add_controller(STAGE_UNIT, "nvme10", OUTCOME_DETACHED, 200);
        (void) add_controller(STAGE_UNIT, "nvme2", OUTCOME_DETACHED, 200);
        (void) add_controller(STAGE_UNIT, "nvme3", OUTCOME_DETACHED, 201);
        make(&history);
        for (size_t i = 0; i < ARRAY_SIZE(order); i++)
                cr_expect(eq(str, history.controllers[i].name, (char *) order[i]));
}

Test(history, adds_the_stages_up) {
        add(ENTRY_SUMMARY, STAGE_UNIT, "")->totals = (RecordTotals){ {}, 100, 1000, 900 };
        add(ENTRY_SUMMARY, STAGE_HOOK, "")->totals = (RecordTotals){ {}, 10, 20, 10 };
        make(&history);
        cr_expect(eq(u64, history.totals.elapsed_usec, 110));
        cr_expect(eq(u64, history.totals.serial_usec, 1020));
        cr_expect(eq(u64, history.totals.saved_usec, 910));
}

/* A full pstore keeps the newest lines; any other may be missing. */
Test(history, does_without_a_summary) {
        (void) add_controller(STAGE_HOOK, "nvme0", OUTCOME_DETACHED, 500);
        (void) add_controller(STAGE_HOOK, "nvme1", OUTCOME_DETACHED, 400);
        (void) add_controller(STAGE_HOOK, "nvme2", OUTCOME_LATE, 300);
        make(&history);
        cr_expect(eq(u64, history.totals.elapsed_usec, 510));
        cr_expect(eq(u64, history.totals.serial_usec, 900));
        cr_expect(eq(u64, history.totals.saved_usec, 390));
}

/* The start is that of the first controller: short lines don't have the stage's. */
Test(history, does_without_a_start) {
        add_controller(STAGE_HOOK, "nvme0", OUTCOME_DETACHED, 500)->stage_usec = 0;
        add_controller(STAGE_HOOK, "nvme1", OUTCOME_DETACHED, 400)->stage_usec = 0;
        entries[1].started_usec += 20;
        make(&history);
        cr_expect(eq(u64, history.stage_usec[STAGE_HOOK], 9010));
        cr_expect(eq(u64, history.totals.elapsed_usec, 500));
        (void) history_done(&history);
        add_controller(STAGE_HOOK, "nvme0", OUTCOME_DETACHED, 500)->stage_usec = 0;
        (void) add_summary(STAGE_HOOK, COUNT([OUTCOME_DETACHED] = 1));
        make(&history);
        cr_expect(eq(u64, history.stage_usec[STAGE_HOOK], 9000), "the summary's comes first");
}

/* Regression: a summary of 130 with three entries was reported as "3 controllers: 3 detached". */
Test(history, counts_come_from_the_summary) {
        (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_DETACHED, 500);
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_DETACHED] = 126, [OUTCOME_FAILED] = 2));
        make(&history);
        cr_expect(eq(uint, N(DETACHED), 126));
        cr_expect(eq(uint, N(FAILED), 2));
        cr_expect(eq(sz, history.n_total, 128));
        cr_expect(eq(sz, history.n_controllers, 1));
        cr_expect(eq(sz, history.n_found[STAGE_UNIT], 1));
        cr_expect(eq(sz, history.n_expected[STAGE_UNIT], 128));
        cr_expect(not(history_is_whole(&history, STAGE_UNIT)));
}

Test(history, a_stage_is_whole_with_its_summary_and_all_entries) {
        (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_DETACHED, 500);
        make(&history);
        cr_expect(not(history_is_whole(&history, STAGE_UNIT)), "without a summary");
        cr_expect(eq(sz, history.n_total, 1));
        history_done(&history);
        (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_DETACHED, 500);
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_DETACHED] = 1));
        make(&history);
        cr_expect(history_is_whole(&history, STAGE_UNIT));
        cr_expect(not(history_is_whole(&history, STAGE_HOOK)), "which did not run");
}

/* Such a summary is damaged: the entries count. */
Test(history, a_summary_of_fewer_than_the_entries_is_ignored) {
        (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_FAILED, 500);
        (void) add_controller(STAGE_UNIT, "nvme1", OUTCOME_FAILED, 500);
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_DETACHED] = 1));
        make(&history);
        cr_expect(eq(uint, N(FAILED), 2));
        cr_expect(eq(uint, N(DETACHED), 0));
        cr_expect(not(history_is_whole(&history, STAGE_UNIT)));
}

/* nvme0 was left in the unit and taken in the hook, nvme1 likewise, nvme2 was taken in the unit. */
static void add_two_stages(bool with_nvme0, bool with_nvme1) {
        if (with_nvme0)
                (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_LEFT, 0);
        (void) add_controller(STAGE_UNIT, "nvme1", OUTCOME_LEFT, 0);
        (void) add_controller(STAGE_UNIT, "nvme2", OUTCOME_DETACHED, 500);
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_DETACHED] = 1, [OUTCOME_LEFT] = 2));
        (void) add_controller(STAGE_HOOK, "nvme0", OUTCOME_DETACHED, 500);
        if (with_nvme1)
                (void) add_controller(STAGE_HOOK, "nvme1", OUTCOME_FAILED, 500);
        (void) add_summary(STAGE_HOOK, COUNT([OUTCOME_DETACHED] = 1, [OUTCOME_FAILED] = 1));
        make(&history);
}

/* The result is the same if an entry is missing in neither stage, in the earlier, the later or
 * both. */
Test(history, each_is_counted_once_by_its_last_stage) {
        for (int missing = 0; missing < 4; missing++) {
                add_two_stages(!(missing & 1), !(missing & 2));
                cr_expect(eq(uint, N(DETACHED), 2), "%d", missing);
                cr_expect(eq(uint, N(FAILED), 1), "%d", missing);
                cr_expect(eq(uint, N(LEFT), 0), "%d", missing);
                cr_expect(eq(sz, history.n_total, 3), "%d", missing);
                cr_expect(eq(int, history_is_whole(&history, STAGE_UNIT), !(missing & 1)));
                cr_expect(eq(int, history_is_whole(&history, STAGE_HOOK), !(missing & 2)));
                history_done(&history);
        }
        cr_assert(eq(sz, n_entries, 0));
}

Test(history, a_controller_that_failed_first_is_counted_once_too) {
        (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_FAILED, 500);
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_FAILED] = 1, [OUTCOME_LEFT] = 1));
        (void) add_controller(STAGE_HOOK, "nvme0", OUTCOME_DETACHED, 500);
        (void) add_summary(STAGE_HOOK, COUNT([OUTCOME_DETACHED] = 1));
        make(&history);
        cr_expect(eq(uint, N(FAILED), 0));
        cr_expect(eq(uint, N(LEFT), 1), "another one");
        cr_expect(eq(uint, N(DETACHED), 1));
}

/* Without entries failed ones are only taken for those that come again when none is left. */
Test(history, three_stages_with_nothing_but_summaries) {
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_DETACHED] = 5, [OUTCOME_LEFT] = 3,
                                             [OUTCOME_FAILED] = 2, [OUTCOME_LATE] = 1));
        (void) add_summary(STAGE_HOOK, COUNT([OUTCOME_DETACHED] = 2, [OUTCOME_LEFT] = 2));
        (void) add_summary(STAGE_EXITRD, COUNT([OUTCOME_DETACHED] = 2));
        make(&history);
        cr_expect(eq(uint, N(DETACHED), 9));
        cr_expect(eq(uint, N(LEFT), 0));
        cr_expect(eq(uint, N(FAILED), 1));
        cr_expect(eq(uint, N(LATE), 1));
        cr_expect(eq(sz, history.n_total, 11));
}

/* It was plugged in between the stages and is none of those that were left. */
Test(history, a_new_controller_is_removed_from_no_count) {
        (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_LEFT, 0);
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_LEFT] = 1));
        (void) add_controller(STAGE_HOOK, "nvme9", OUTCOME_DETACHED, 500);
        (void) add_summary(STAGE_HOOK, COUNT([OUTCOME_DETACHED] = 1));
        make(&history);
        cr_expect(eq(uint, N(LEFT), 1));
        cr_expect(eq(uint, N(DETACHED), 1));
}

Test(history, the_driver_s_word_is_counted_once) {
        add_controller(STAGE_UNIT, "nvme0", OUTCOME_DETACHED, 1)->is_verified = false;
        add_summary(STAGE_UNIT, COUNT([OUTCOME_DETACHED] = 3))->totals.n_by_word = 3;
        add_controller(STAGE_HOOK, "nvme3", OUTCOME_DETACHED, 1)->is_verified = true;
        add_controller(STAGE_HOOK, "nvme4", OUTCOME_DETACHED, 1)->is_verified = false;
        make(&history);
        cr_expect(eq(uint, history.totals.n_by_word, 4));
        cr_expect(eq(uint, N(DETACHED), 5));
}

Test(history, releases_in_their_order) {
        add(ENTRY_RELEASED, STAGE_HOOK, "b")->released_usec = 5;
        add(ENTRY_RELEASED, STAGE_UNIT, "c")->released_usec = 70;
        add(ENTRY_RELEASED, STAGE_UNIT, "a")->released_usec = 60;
        make(&history);
        cr_assert(eq(sz, history.n_releases, 3));
        cr_expect(eq(str, history.releases[0].address, "at-a"));
        cr_expect(eq(str, history.releases[2].address, "at-b"));
        cr_expect(eq(u64, history_release_usec(&history.releases[2]), 9005));
}

/* A stage that only ran programs has no record of drives. */
Test(history, keeps_programs_apart) {
        (void) snprintf(add(ENTRY_PROGRAM, STAGE_HOOK, "")->program.name, PROGRAM_NAME_MAX, "zfs");
        make(&history);
        cr_assert(eq(sz, history.n_programs, 1));
        cr_expect(eq(str, history.programs[0].program.name, "zfs"));
        cr_expect(eq(sz, history.n_powers, 0));
        cr_expect(eq(sz, history.n_controllers, 0));
        cr_expect(not(history.has_stage[STAGE_HOOK]));
}

/* The next boot logs them; they belong to no stage. */
Test(history, keeps_the_drives_counters_apart) {
        (void) add(ENTRY_POWER_CLEAN, 0, "nvme0");
        make(&history);
        cr_expect(eq(sz, history.n_powers, 1));
        cr_expect(eq(sz, history.n_controllers, 0));
        cr_expect(not(history.has_stage[STAGE_UNIT]));
}

Test(history, of_nothing_is_nothing) {
        make(&history);
        cr_expect(eq(sz, history.n_controllers, 0));
        cr_expect(eq(u64, history.totals.elapsed_usec, 0));
}

/* The stage's own entries come from the journal, those of its workers from the kernel log. */
static void add_begun(const char *name) {
        Entry *entry = add_controller(STAGE_UNIT, name, OUTCOME_BEGUN, 0);

        (void) snprintf(entry->model, sizeof(entry->model), "Model");
        (void) snprintf(entry->path, sizeof(entry->path), "pci0000:00/0000:00:01.0");
}

static Entry *add_end(const char *name, Outcome outcome, usec_t usec) {
        Entry *entry = add_controller(STAGE_UNIT, name, outcome, usec);

        entry->is_verified = outcome == OUTCOME_DETACHED;
        entry->stage_usec = 0;
        return entry;
}

Test(history, begin_and_end_are_one_controller) {
        (void) add_end("nvme0", OUTCOME_DETACHED, 700);
        add_begun("nvme0");
        add_begun("nvme1");
        (void) add_end("nvme1", OUTCOME_FAILED, 900);
        (void) add_end("nvme1", OUTCOME_FAILED, 900);
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_BEGUN] = 2));
        add_summary(STAGE_UNIT, COUNT([OUTCOME_DETACHED] = 1, [OUTCOME_FAILED] = 1))
                ->totals.elapsed_usec = 950;
        make(&history);
        cr_assert(eq(sz, history.n_controllers, 2));
        cr_expect(eq(str, history.controllers[0].name, "nvme1"));
        cr_expect(eq(int, history.controllers[0].outcome, OUTCOME_FAILED));
        cr_expect(eq(int, history.controllers[0].said_before, OUTCOME_BEGUN));
        cr_expect(eq(str, history.controllers[1].model, "Model"));
        cr_expect(eq(str, history.controllers[1].path, "pci0000:00/0000:00:01.0"));
        cr_expect(eq(u64, history.controllers[1].stage_usec, 1000));
        cr_expect(eq(u64, history.controllers[1].phase_usec[PHASE_SHUTDOWN], 700));
        cr_expect(eq(uint, N(DETACHED), 1));
        cr_expect(eq(uint, N(FAILED), 1));
        cr_expect(eq(uint, N(BEGUN), 0));
        cr_expect(eq(sz, history.n_total, 2));
        cr_expect(eq(u64, history.totals.elapsed_usec, 950));
        cr_expect(history_is_whole(&history, STAGE_UNIT));
}

/* In either order: the import comes later, but a journal of several files may mix them. */
Test(history, the_summary_that_knows_more_ends_counts) {
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_DETACHED] = 2));
        (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_BEGUN] = 2));
        make(&history);
        cr_expect(eq(uint, N(DETACHED), 2));
        cr_expect(eq(uint, N(BEGUN), 0));
}

Test(history, without_the_final_summary_the_ends_that_are_known_count) {
        add_begun("nvme0");
        add_begun("nvme1");
        (void) add_controller(STAGE_UNIT, "nvme2", OUTCOME_LATE, 0);
        (void) add_summary(STAGE_UNIT,
                           COUNT([OUTCOME_BEGUN] = 2, [OUTCOME_LATE] = 1, [OUTCOME_LEFT] = 1));
        (void) add_end("nvme0", OUTCOME_DETACHED, 700);
        (void) add_end("nvme2", OUTCOME_DETACHED, 800);
        make(&history);
        cr_expect(eq(uint, N(DETACHED), 2));
        cr_expect(eq(uint, N(BEGUN), 1));
        cr_expect(eq(uint, N(LATE), 0));
        cr_expect(eq(uint, N(LEFT), 1));
        cr_expect(eq(sz, history.n_total, 4));
        cr_expect(eq(u64, history.totals.serial_usec, 1500));
        cr_expect(eq(u64, history.totals.elapsed_usec, 810));
        cr_expect(eq(u64, history.totals.saved_usec, 690));
        cr_expect(not(history_is_whole(&history, STAGE_UNIT)), "nvme3 has no entry");
}

/* The hook saw its state. What became of it is for the unit's worker to tell. */
Test(history, one_that_the_hook_saw_under_way_is_the_units) {
        for (int lost = 0; lost < 2; lost++) {
                if (!lost)
                        add_begun("nvme0");
                if (!lost)
                        (void) add_end("nvme0", OUTCOME_DETACHED, 700);
                (void) add_summary(STAGE_UNIT, COUNT([OUTCOME_DETACHED] = 1, [OUTCOME_LEFT] = 1));
                (void) add_controller(STAGE_HOOK, "nvme0", OUTCOME_BEGUN, 0);
                (void) add_controller(STAGE_HOOK, "nvme1", OUTCOME_DETACHED, 500);
                (void) add_summary(STAGE_HOOK, COUNT([OUTCOME_DETACHED] = 1, [OUTCOME_BEGUN] = 1));
                make(&history);
                cr_expect(eq(uint, N(DETACHED), 2), "%d", lost);
                cr_expect(eq(uint, N(BEGUN), 0), "%d", lost);
                cr_expect(eq(uint, N(LEFT), 0), "%d", lost);
                cr_expect(eq(sz, history.n_total, 2), "%d", lost);
                if (!lost)
                        cr_expect(eq(str, history.controllers[0].name, "nvme0"));
                history_done(&history);
        }
}

/* A late one may be seen without a driver and not yet "deleting". */
Test(history, the_end_of_a_late_one_counts_more_than_that_the_hook_left_it) {
        (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_LATE, 0);
        (void) add_end("nvme0", OUTCOME_DETACHED, 700);
        (void) add_controller(STAGE_HOOK, "nvme0", OUTCOME_LEFT, 0);
        make(&history);
        cr_assert(eq(sz, history.n_controllers, 1));
        cr_expect(eq(int, (int) history.controllers[0].stage, STAGE_UNIT));
        cr_expect(eq(int, history.controllers[0].outcome, OUTCOME_DETACHED));
        cr_expect(eq(uint, N(DETACHED), 1));
        cr_expect(eq(sz, history.n_total, 1));
}

Test(history, a_late_one_that_was_not_touched_is_the_hooks) {
        (void) add_controller(STAGE_UNIT, "nvme0", OUTCOME_LATE, 0);
        (void) add_end("nvme0", OUTCOME_LEFT, 0);
        (void) add_controller(STAGE_HOOK, "nvme0", OUTCOME_DETACHED, 500);
        make(&history);
        cr_expect(eq(int, (int) history.controllers[0].stage, STAGE_HOOK));
        cr_expect(eq(uint, N(DETACHED), 1));
        cr_expect(eq(sz, history.n_total, 1));
}
