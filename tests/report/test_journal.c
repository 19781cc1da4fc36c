/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_journal.h"
#include "report/journal.h"

#define BOOT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOOT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define BOOT_C "cccccccccccccccccccccccccccccccc"

static JournalRecord record;
static EntryList list;

static void teardown(void) {
        fake_journal_uid("0");
        journal_record_done(&record);
        entry_list_done(&list);
        fake_journal_remove();
}

TestSuite(journal_record, .fini = teardown, .timeout = 30);

static Entry controller(const char *boot_id, Stage stage, const char *name) {
        Entry entry = {
                .stage = stage,
                .outcome = OUTCOME_DETACHED,
                .is_verified = true,
                .phase_usec = { 1, 2, 3, 4, 5 },
        };

        (void) snprintf(entry.boot_id, sizeof(entry.boot_id), "%s", boot_id);
        (void) snprintf(entry.name, sizeof(entry.name), "%s", name);
        (void) snprintf(entry.address, sizeof(entry.address), "0000:%02x:00.0", name[4]);
        (void) snprintf(entry.serial, sizeof(entry.serial), "S-%s", name);
        return entry;
}

static void add(const char *boot_id, Stage stage, const char *name) {
        Entry entry = controller(boot_id, stage, name);

        fake_journal_entry(&entry);
}

static void open_written(void) {
        cr_assert(eq(int, journal_record_open(fake_journal_write(), &record), 0));
}

Test(journal_record, reads_a_boot_s_entries_from_every_boot_that_logged_them) {
        Entry expected = controller(BOOT_A, STAGE_UNIT, "nvme0");

        fake_journal_boot(BOOT_A);
        add(BOOT_A, STAGE_UNIT, "nvme0");
        fake_journal_boot(BOOT_B);
        add(BOOT_A, STAGE_HOOK, "nvme1"); /* imported */
        add(BOOT_A, STAGE_HOOK, "nvme1"); /* twice */
        add(BOOT_B, STAGE_UNIT, "nvme2");
        open_written();
        cr_assert(eq(int, journal_record_read(&record, BOOT_A, &list), 0));
        cr_assert(eq(sz, list.n, 2));
        cr_expect(eq(int, memcmp(&list.items[0], &expected, sizeof(Entry)), 0));
        cr_expect(eq(str, list.items[1].name, "nvme1"));
        cr_expect(eq(int, (int) list.items[1].stage, STAGE_HOOK));
}

Test(journal_record, lists_boots_oldest_first) {
        fake_journal_boot(BOOT_B);
        add(BOOT_B, STAGE_UNIT, "nvme0");
        fake_journal_boot(BOOT_A);
        open_written();
        cr_assert(eq(sz, record.n_boots, 2));
        cr_expect(eq(str, record.boots[0].id, BOOT_B));
        cr_expect(record.boots[0].has_record && !record.boots[1].has_record);
        cr_expect(eq(u64, record.boots[0].began_usec,
                     (1767225600 + 86400) * USEC_PER_SEC)); /* a day after 2026-01-01 */
}

Test(journal_record, a_summary_alone_is_a_record) {
        Entry summary = { .kind = ENTRY_SUMMARY, .boot_id = BOOT_A };

        fake_journal_boot(BOOT_A);
        fake_journal_entry(&summary);
        open_written();
        cr_expect(record.boots[0].has_record);
}

/* The import asks the drives at every boot, whether or not the previous one left a record. */
Test(journal_record, the_drives_counters_are_no_record) {
        Entry kept = { .kind = ENTRY_POWER_KEPT, .n_drives = 2, .boot_id = BOOT_A };

        fake_journal_boot(BOOT_A);
        fake_journal_boot(BOOT_B);
        fake_journal_entry(&kept);
        open_written();
        cr_assert(eq(sz, record.n_boots, 2));
        cr_expect(not(record.boots[0].has_record));
        cr_assert(eq(int, journal_record_read(&record, BOOT_A, &list), 0));
        cr_expect(eq(sz, list.n, 1));
}

/* Regression: earlier entries of _UID=33 hid the failure of nvme0 and made up an nvme9. */
Test(journal_record, only_root_s_entries_count) {
        static const char *const others[] = { "33", NULL, "00", "1000" };
        Entry failed = controller(BOOT_A, STAGE_UNIT, "nvme0");

        failed.outcome = OUTCOME_FAILED;
        fake_journal_boot(BOOT_A);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                fake_journal_uid(others[i]);
                add(BOOT_A, STAGE_UNIT, "nvme0");
                add(BOOT_A, STAGE_UNIT, "nvme9");
        }
        fake_journal_uid("0");
        fake_journal_entry(&failed);
        open_written();
        cr_assert(eq(int, journal_record_read(&record, BOOT_A, &list), 0));
        cr_assert(eq(sz, list.n, 1));
        cr_expect(eq(int, (int) list.items[0].outcome, OUTCOME_FAILED));
}

Test(journal_record, other_users_can_not_make_up_a_boot_or_a_record) {
        fake_journal_boot(BOOT_A);
        fake_journal_uid("33");
        add(BOOT_A, STAGE_UNIT, "nvme0");
        add(BOOT_B, STAGE_HOOK, "nvme0");
        open_written();
        cr_assert(eq(sz, record.n_boots, 1));
        cr_expect(eq(str, record.boots[0].id, BOOT_A));
        cr_expect(not(record.boots[0].has_record));
}

/* The journal was volatile in that boot: only imported entries name it. */
Test(journal_record, lists_boots_that_only_imported_entries_name) {
        fake_journal_boot(BOOT_C);
        fake_journal_boot(BOOT_A);
        add(BOOT_B, STAGE_HOOK, "nvme0");
        open_written();
        cr_assert(eq(sz, record.n_boots, 3));
        cr_expect(eq(str, record.boots[1].id, BOOT_B));
        cr_expect(eq(u64, record.boots[1].began_usec, 0));
        cr_expect(eq(str, record.boots[2].id, BOOT_A));
}

Test(journal_record, returns_the_last_remarks) {
        _cleanup_lines_ Lines remarks = LINES_INIT;

        fake_journal_boot(BOOT_A);
        fake_journal_line("first");
        fake_journal_line("second");
        add(BOOT_A, STAGE_UNIT, "nvme0");
        fake_journal_line("third");
        fake_journal_uid("33");
        fake_journal_line("made up");
        fake_journal_uid("0");
        fake_journal_boot(BOOT_B);
        fake_journal_line("another boot's");
        open_written();
        cr_assert(eq(int, journal_record_remarks(&record, BOOT_A, 2, &remarks), 0));
        cr_assert(eq(sz, remarks.n, 2));
        cr_expect(eq(str, remarks.items[0], "second"));
        cr_expect(eq(str, remarks.items[1], "third"));
}

Test(journal_record, a_journal_without_our_entries) {
        fake_journal_boot(BOOT_A);
        open_written();
        cr_assert(eq(int, journal_record_read(&record, BOOT_A, &list), 0));
        cr_expect(eq(sz, list.n, 0));
}

Test(journal_record, an_unknown_path_is_an_error) {
        cr_expect(eq(int, journal_record_open("/nowhere/at/all", &record), -ENOENT));
}

#define END                                                                                      \
        " 0000:30:00.0: detached in 2.000s (stage=unit/reboot took=1,2,3,2000000,4 boot=" BOOT_A \
        " sn=S-nvme0)"

/* A worker that the unit did not wait for writes to the kernel log, which journald reads until its
 * end. Anything else that calls itself so is not the kernel's. */
Test(journal_record, reads_the_kernel_s_lines_too) {
        Entry begun = controller(BOOT_A, STAGE_UNIT, "nvme0");

        begun.outcome = OUTCOME_BEGUN;
        begun.is_verified = false;
        fake_journal_boot(BOOT_A);
        fake_journal_entry(&begun);
        fake_journal_kernel_line("stdout", "nvme9" END);
        fake_journal_kernel_line("kernel", "nvme0" END);
        fake_journal_kernel_line("kernel", "nvme0" END);
        fake_journal_kernel_line("kernel", "told to stop");
        fake_journal_boot(BOOT_B);
        fake_journal_kernel_line("kernel", "nvme8" END);
        open_written();
        cr_assert(eq(int, journal_record_read(&record, BOOT_A, &list), 0));
        cr_assert(eq(sz, list.n, 2));
        cr_expect(eq(int, list.items[0].outcome, OUTCOME_BEGUN));
        cr_expect(eq(str, list.items[1].name, "nvme0"));
        cr_expect(eq(int, list.items[1].outcome, OUTCOME_DETACHED));
        cr_expect(eq(u64, list.items[1].phase_usec[PHASE_SHUTDOWN], 2 * USEC_PER_SEC));
}
