/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_journal.h"
#include "fake_root.h"
#include "report/report.h"
#include "topology_builder.h"

#define BOOT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOOT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BOOT_C "cccccccccccccccccccccccccccccccc"

static Config config;
static JournalRecord journal;
static Report report;

/* A machine that keeps every record; each test takes away what it needs to. */
static void setup(void) {
        fake_root_start();
        config = build_config();
        fake_root_write("var/log/journal/x", "");
        fake_root_write("var/lib/nvme-async-shutdown/imported", "");
        fake_root_write("sys/module/pstore/parameters/backend", "erst\n");
        fake_root_write("sys/module/printk/parameters/always_kmsg_dump", "N\n");
}

static void teardown(void) {
        report_done(&report);
        journal_record_done(&journal);
        fake_journal_remove();
        fake_root_done();
}

TestSuite(report, .init = setup, .fini = teardown, .timeout = 30);

static void add_summary(const char *boot_id, Stage stage, Outcome outcome, unsigned n) {
        Entry entry = { .kind = ENTRY_SUMMARY, .stage = stage };

        entry.totals.count[outcome] = n;
        (void) snprintf(entry.boot_id, sizeof(entry.boot_id), "%s", boot_id);
        fake_journal_entry(&entry);
}

static void add_controller(const char *boot_id, Stage stage, Outcome outcome) {
        Entry entry = { .stage = stage,
                        .outcome = outcome,
                        .address = "0000:01:00.0",
                        .name = "nvme0",
                        .serial = "S1" };

        (void) snprintf(entry.boot_id, sizeof(entry.boot_id), "%s", boot_id);
        fake_journal_entry(&entry);
}

static void add(const char *boot_id, Stage stage, Outcome outcome) {
        add_controller(boot_id, stage, outcome);
        add_summary(boot_id, stage, outcome, 1);
}

static const JournalBoot *find(const char *spec) {
        bool is_valid;
        const JournalBoot *boot = report_find_boot(&journal, spec, true, &is_valid);

        cr_expect(is_valid);
        return boot;
}

static void make(const char *spec) {
        cr_assert(eq(int, journal_record_open(fake_journal_write(), &journal), 0));
        cr_assert(eq(int, report_make(&journal, find(spec), root_fd, &config, &report), 0));
}

/* Expects a note with these words; NULL: no note at all. */
static void expect_note(const char *words) {
        if (!words)
                cr_expect(eq(sz, report.notes.n, 0), "%s", report.notes.items[0]);
        for (size_t i = 0; words && i < report.notes.n; i++)
                if (strstr(report.notes.items[i], words))
                        return;
        cr_expect(eq(ptr, (void *) words, NULL), "no note says \"%s\", %zu notes, the first: %s",
                  words, report.notes.n, report.notes.n > 0 ? report.notes.items[0] : "-");
}

Test(report, finds_boots_as_journalctl_does) {
        bool is_valid;

        fake_journal_boot(BOOT_A);
        add(BOOT_A, STAGE_UNIT, OUTCOME_DETACHED);
        fake_journal_boot(BOOT_B);
        fake_journal_boot(BOOT_C);
        cr_assert(eq(int, journal_record_open(fake_journal_write(), &journal), 0));
        cr_expect(eq(str, (char *) find("0")->id, BOOT_C));
        cr_expect(eq(str, (char *) find("-1")->id, BOOT_B));
        cr_expect(eq(str, (char *) find(NULL)->id, BOOT_B));
        cr_expect(eq(str, (char *) find("1")->id, BOOT_A));
        cr_expect(eq(str, (char *) find(BOOT_A)->id, BOOT_A));
        cr_expect(eq(ptr, (void *) find("-3"), NULL));
        cr_expect(eq(ptr, (void *) find("4"), NULL));
        cr_expect(eq(ptr, (void *) find("99999999999999999"), NULL));
        cr_expect(eq(str, (char *) report_find_boot(&journal, NULL, false, &is_valid)->id, BOOT_A));
        for (size_t i = 0; i < 4; i++) {
                (void) report_find_boot(&journal, (const char *[]){ "", "x", "1x", "-" }[i], true,
                                        &is_valid);
                cr_expect(not(is_valid));
        }
}

Test(report, nothing_is_missing) {
        fake_journal_boot(BOOT_A);
        add(BOOT_A, STAGE_UNIT, OUTCOME_LEFT);
        fake_journal_boot(BOOT_B);
        add(BOOT_A, STAGE_HOOK, OUTCOME_DETACHED);
        make(NULL);
        expect_note(NULL);
        cr_expect(eq(sz, report.history.n_controllers, 1));
        cr_expect(eq(str, report.boot_id, BOOT_A));
}

Test(report, entries_are_missing) {
        fake_journal_boot(BOOT_A);
        add_controller(BOOT_A, STAGE_UNIT, OUTCOME_DETACHED);
        add_summary(BOOT_A, STAGE_UNIT, OUTCOME_DETACHED, 128);
        fake_journal_boot(BOOT_B);
        make(NULL);
        expect_note("1 of 128 entries of the stage unit are there; the others are lost. The totals "
                    "count all.");
        cr_expect(eq(sz, report.history.n_total, 128));
}

/* pstore keeps the end of the log, which may be the summary alone. */
Test(report, only_the_hook_s_summary_is_left) {
        fake_journal_boot(BOOT_A);
        add(BOOT_A, STAGE_UNIT, OUTCOME_LEFT);
        fake_journal_boot(BOOT_B);
        add_summary(BOOT_A, STAGE_HOOK, OUTCOME_FAILED, 1);
        make(NULL);
        expect_note("0 of 1 entries of the stage hook are there; the others are lost "
                    "(pstore.kmsg_bytes=");
        cr_expect(eq(uint, report.history.totals.count[OUTCOME_FAILED], 1));
        cr_expect(eq(uint, report.history.totals.count[OUTCOME_LEFT], 0));
}

Test(report, a_summary_is_missing) {
        fake_journal_boot(BOOT_A);
        add_controller(BOOT_A, STAGE_UNIT, OUTCOME_DETACHED);
        fake_journal_boot(BOOT_B);
        make(NULL);
        expect_note("The summary of the stage unit is missing: there may be more controllers than "
                    "the 1 whose entries are there.");
}

Test(report, the_hook_had_nothing_left_to_do) {
        fake_journal_boot(BOOT_A);
        add(BOOT_A, STAGE_UNIT, OUTCOME_DETACHED);
        fake_journal_boot(BOOT_B);
        make(NULL);
        expect_note(NULL);
}

/* The unit left one controller to the hook, whose record is missing. */
static void make_without_hook(void) {
        fake_journal_boot(BOOT_A);
        add(BOOT_A, STAGE_UNIT, OUTCOME_LEFT);
        fake_journal_boot(BOOT_B);
        make(NULL);
}

Test(report, the_hook_s_record_is_lost) {
        make_without_hook();
        expect_note("the back end of pstore did not take it");
}

Test(report, the_hook_s_record_waits_in_pstore) {
        fake_root_write(
                "var/lib/systemd/pstore/1/dmesg.txt",
                "nvme-async-shutdown: root port 0000:00:01.0 released after 1 child, 0.000s "
                "(stage=hook released boot=" BOOT_A " device=root\\x20port address=0000:00:01.0 "
                "children=1 released=0 action=reboot)\n");
        make_without_hook();
        expect_note("The record of the stage hook is in pstore but not imported: run "
                    "nvme-async-shutdown import");
        cr_expect(eq(sz, report.notes.n, 1), "why it is not there is no question then");
}

Test(report, there_is_no_pstore) {
        fake_root_remove("sys/module/pstore");
        make_without_hook();
        expect_note("no pstore back end");
}

Test(report, pstore_may_not_be_used) {
        config.persist_log = PERSIST_LOG_NO;
        make_without_hook();
        expect_note("PersistLog=no");
}

Test(report, the_stage_hook_is_not_wanted) {
        config.stages = 1U << STAGE_UNIT;
        make_without_hook();
        expect_note("Stages= does not name hook");
}

Test(report, nothing_was_ever_imported) {
        fake_root_remove("var/lib/nvme-async-shutdown");
        make_without_hook();
        expect_note("nvme-async-shutdown.service has never run");
}

Test(report, the_unit_s_record_is_lost) {
        fake_journal_boot(BOOT_A);
        fake_journal_boot(BOOT_B);
        add(BOOT_A, STAGE_HOOK, OUTCOME_DETACHED);
        make(NULL);
        expect_note("The stage unit has left no record");
}

Test(report, a_volatile_journal) {
        fake_root_remove("var/log/journal");
        fake_journal_boot(BOOT_B);
        make(NULL);
        expect_note("The journal has no such boot");
        expect_note("The journal is volatile");
}

Test(report, a_boot_in_which_the_stage_stood_down) {
        fake_journal_boot(BOOT_A);
        add(BOOT_A, STAGE_UNIT, OUTCOME_DETACHED);
        fake_journal_boot(BOOT_B);
        fake_journal_line("Standing down: Enabled=no.");
        fake_journal_boot(BOOT_C);
        make(NULL);
        expect_note("There is no record of that shutdown");
        expect_note("Logged in that boot: Standing down: Enabled=no.");
        expect_note("The last shutdown with a record is -b -2");
}

Test(report, a_boot_that_is_not_over) {
        fake_journal_boot(BOOT_A);
        make("0");
        expect_note("has not been shut down yet");
        expect_note("no record of any shutdown");
}

/* The settings of this machine don't explain the journal of another one. */
Test(report, of_another_machine) {
        config.persist_log = PERSIST_LOG_NO;
        (void) close(root_fd);
        root_fd = -1;
        make_without_hook();
        expect_note("This journal has no record of the stage hook");
}

Test(report, no_journal_at_all) {
        cr_assert(eq(int, report_make(&journal, NULL, root_fd, &config, &report), 0));
        expect_note("There is no journal that can be read");
}

static void make_begun(void) {
        fake_journal_boot(BOOT_A);
        add(BOOT_A, STAGE_UNIT, OUTCOME_BEGUN);
        fake_journal_boot(BOOT_B);
        make(NULL);
        cr_assert(eq(sz, report.history.n_controllers, 1));
        cr_expect(eq(int, report.history.controllers[0].outcome, OUTCOME_BEGUN));
}

#define BEGUN_END                                                                         \
        "nvme-async-shutdown: nvme0 0000:01:00.0: detached in 2.000s (stage=unit/reboot " \
        "took=1,2,3,2000000,4 boot=" BOOT_A " sn=S1)\n"

Test(report, the_end_of_one_that_was_not_waited_for_is_joined) {
        fake_journal_boot(BOOT_A);
        add(BOOT_A, STAGE_UNIT, OUTCOME_BEGUN);
        add_controller(BOOT_A, STAGE_UNIT, OUTCOME_DETACHED);
        fake_journal_boot(BOOT_B);
        make(NULL);
        cr_assert(eq(sz, report.history.n_controllers, 1));
        cr_expect(eq(int, report.history.controllers[0].outcome, OUTCOME_DETACHED));
        cr_expect(eq(uint, report.history.totals.count[OUTCOME_DETACHED], 1));
        expect_note(NULL);
}

Test(report, the_end_of_one_that_was_not_waited_for_is_lost) {
        make_begun();
        expect_note("1 controller was still shutting down when the stage ended");
        expect_note("The kernel had kept its log before, or the back end of pstore");
}

Test(report, the_end_of_one_that_was_not_waited_for_is_in_pstore) {
        fake_root_write("var/lib/systemd/pstore/1/dmesg.txt", BEGUN_END);
        make_begun();
        expect_note("It is in pstore but not imported: run nvme-async-shutdown import");
        cr_expect(eq(sz, report.notes.n, 2));
}

Test(report, without_pstore_such_an_end_is_lost) {
        fake_root_remove("sys/module/pstore");
        make_begun();
        expect_note("It did not outlive the shutdown: no pstore back end");
}

/* The line of the unit's worker has been imported; the hook's record is missing for another reason. */
Test(report, a_line_of_the_unit_in_pstore_is_not_the_hook_s_record) {
        fake_root_write("var/lib/systemd/pstore/1/dmesg.txt", BEGUN_END);
        make_without_hook();
        expect_note("the back end of pstore did not take it");
}
