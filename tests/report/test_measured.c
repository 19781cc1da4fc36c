/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_journal.h"
#include "report/measured.h"
#include "topology_builder.h"

#define BOOT(c)                                                                                  \
        (char[33]) {                                                                             \
                c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, \
                        c, c, c, c, c                                                            \
        }

static Topology topology;

static void setup(void) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:03:00.0", NULL);
        (void) build_bridge(&topology, DEVICE_ROOT_PORT, "0000:00:01.0", NULL);
}

static void teardown(void) {
        topology_done(&topology);
        fake_journal_remove();
}

TestSuite(measured, .init = setup, .fini = teardown, .timeout = 60);

static void add(const char *boot, const char *address, const char *serial, Outcome outcome,
                usec_t usec) {
        Entry entry = { .outcome = outcome, .phase_usec[PHASE_SHUTDOWN] = usec };

        (void) snprintf(entry.boot_id, sizeof(entry.boot_id), "%s", boot);
        (void) snprintf(entry.name, sizeof(entry.name), "nvme9");
        (void) snprintf(entry.address, sizeof(entry.address), "%s", address);
        (void) snprintf(entry.serial, sizeof(entry.serial), "%s", serial);
        fake_journal_entry(&entry);
}

static usec_t time_of(size_t i) {
        return topology.devices[i].controller->measured_usec;
}

Test(measured, takes_the_longest_of_what_was_seen_to_end) {
        fake_journal_boot(BOOT('a'));
        add(BOOT('a'), "0000:01:00.0", "S-nvme0", OUTCOME_DETACHED, 7);
        add(BOOT('a'), "0000:02:00.0", "S-nvme1", OUTCOME_LATE, 40);
        add(BOOT('a'), "0000:03:00.0", "S-other", OUTCOME_DETACHED, 50);
        fake_journal_boot(BOOT('b'));
        add(BOOT('b'), "0000:01:00.0", "S-nvme0", OUTCOME_UNVERIFIED, 5);
        fake_journal_boot(BOOT('c'));
        cr_expect(eq(int, measured_read(fake_journal_write(), &topology), 1));
        cr_expect(eq(u64, time_of(0), 7));
        cr_expect(eq(u64, time_of(1), 0));
        cr_expect(eq(u64, time_of(2), 0));
}

Test(measured, only_root_s_entries_are_believed) {
        fake_journal_boot(BOOT('a'));
        fake_journal_uid("33");
        add(BOOT('a'), "0000:01:00.0", "S-nvme0", OUTCOME_DETACHED, 600000000);
        add(BOOT('a'), "0000:02:00.0", "S-nvme1", OUTCOME_DETACHED, 600000000);
        fake_journal_uid("0");
        add(BOOT('a'), "0000:01:00.0", "S-nvme0", OUTCOME_DETACHED, 7);
        fake_journal_boot(BOOT('b'));
        cr_expect(eq(int, measured_read(fake_journal_write(), &topology), 1));
        cr_expect(eq(u64, time_of(0), 7));
        cr_expect(eq(u64, time_of(1), 0));
}

/* Two controllers of one subsystem share a serial number; a drive that was moved keeps it. */
Test(measured, knows_a_drive_by_its_serial_but_better_by_its_place) {
        fake_journal_boot(BOOT('a'));
        add(BOOT('a'), "0000:01:00.0", "S-nvme0", OUTCOME_DETACHED, 3);
        add(BOOT('a'), "0000:09:00.0", "S-nvme0", OUTCOME_DETACHED, 8);
        add(BOOT('a'), "0000:0a:00.0", "S-nvme1", OUTCOME_DETACHED, 6);
        fake_journal_boot(BOOT('b'));
        cr_expect(eq(int, measured_read(fake_journal_write(), &topology), 2));
        cr_expect(eq(u64, time_of(0), 3));
        cr_expect(eq(u64, time_of(1), 6));
}

Test(measured, looks_back_five_shutdowns_and_no_further) {
        for (char c = 'a'; c <= 'f'; c++) {
                fake_journal_boot(BOOT(c));
                add(BOOT(c), "0000:01:00.0", "S-nvme0", OUTCOME_DETACHED, 100 - (c - 'a'));
        }
        fake_journal_boot(BOOT('0'));
        cr_expect(eq(int, measured_read(fake_journal_write(), &topology), 1));
        cr_expect(eq(u64, time_of(0), 99));
}

Test(measured, says_what_it_can_not_read) {
        cr_expect(lt(int, measured_read("/nonexistent/journal", &topology), 0));
}
