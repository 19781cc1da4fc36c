/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "history.h"

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

/* A full store keeps the newest lines: any other may be missing. */
Test(history, does_without_a_summary) {
        (void) add_controller(STAGE_HOOK, "nvme0", OUTCOME_DETACHED, 500);
        (void) add_controller(STAGE_HOOK, "nvme1", OUTCOME_DETACHED, 400);
        (void) add_controller(STAGE_HOOK, "nvme2", OUTCOME_LATE, 300);
        make(&history);
        cr_expect(eq(u64, history.totals.elapsed_usec, 510));
        cr_expect(eq(u64, history.totals.serial_usec, 900));
        cr_expect(eq(u64, history.totals.saved_usec, 390));
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

/* They are of the boot after: no stage of this one. */
Test(history, keeps_apart_what_the_drives_count) {
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
