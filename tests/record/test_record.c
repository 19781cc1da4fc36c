/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/message_ids.h"
#include "fake_root.h"
#include "record/record.h"
#include "topology_builder.h"

static int pair[2];
static Topology topology;
static Record record;

/* nvme0 detached after 2 s, nvme1 left and flushed, nvme2 failed after 5 s; all within 5.5 s. */
static void setup(void) {
        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0));
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:03:00.0", NULL);
        (void) build_bridge(&topology, DEVICE_BRIDGE, "0000:00:01.0", NULL);
        (void) build_bridge(&topology, DEVICE_HOST_BRIDGE, "pci0000:00", NULL);
        topology.devices[0].parent = 3;
        topology.devices[3].parent = 4;
        cr_assert(eq(int, record_init(&record, STAGE_HOOK, ACTION_REBOOT, 5), 0));
        strcpy(record.boot_id, "0123456789abcdef0123456789abcdef");
        record.started_usec = 10 * USEC_PER_SEC;
        record.ended_usec = record.started_usec + 5500 * USEC_PER_MSEC;
        record.results[0] = (StepResult){
                .outcome = OUTCOME_DETACHED,
                .is_verified = true,
                .started_usec = 10 * USEC_PER_SEC + 7,
                .phase_usec[PHASE_FSYNC] = 17,
                .phase_usec[PHASE_SHUTDOWN] = 2 * USEC_PER_SEC + 103 * USEC_PER_MSEC,
        };
        record.results[1] = (StepResult){
                .outcome = OUTCOME_LEFT,
                .is_flushed = true,
                .reason = "/dev/nvme1n1 is mounted on /",
        };
        record.results[2] = (StepResult){
                .outcome = OUTCOME_FAILED,
                .reason = "no shutdown was started, CSTS=0x1",
                .phase_usec[PHASE_SHUTDOWN] = 5 * USEC_PER_SEC,
        };
        record.results[3] = (StepResult){
                .outcome = OUTCOME_DETACHED,
                .ended_usec = record.started_usec + 2100 * USEC_PER_MSEC,
                .n_gates = 1,
                .n_turns = 2,
                .released_by = 1,
        };
}

static void teardown(void) {
        log_close();
        record_done(&record);
        topology_done(&topology);
}

TestSuite(record, .init = setup, .fini = teardown, .timeout = 10);

static const char *receive_entry(void) {
        static char buffer[16384];
        ssize_t n = recv(pair[1], buffer, sizeof(buffer) - 1, 0);

        buffer[n < 0 ? 0 : n] = '\0';
        return buffer;
}

Test(record, adds_up_controllers_only) {
        RecordTotals totals = record_totals(&record, &topology);

        cr_expect(eq(uint, totals.count[OUTCOME_DETACHED], 1));
        cr_expect(eq(uint, totals.count[OUTCOME_LEFT], 1));
        cr_expect(eq(uint, totals.count[OUTCOME_FAILED], 1));
        cr_expect(eq(u64, totals.elapsed_usec, 5500000));
        cr_expect(eq(u64, totals.serial_usec, 7103000));
        cr_expect(eq(u64, totals.saved_usec, 1603000));
}

Test(record, never_saves_less_than_nothing) {
        record.ended_usec = record.started_usec + 100 * USEC_PER_SEC;
        cr_expect(eq(u64, record_totals(&record, &topology).saved_usec, 0));
}

/* The hook sees controllers that the unit has detached. */
Test(record, does_not_count_a_controller_without_a_driver) {
        topology.devices[1].kind = DEVICE_FOREIGN;
        cr_expect(eq(uint, record_totals(&record, &topology).count[OUTCOME_LEFT], 1));
        free(topology.devices[1].controller->driver);
        topology.devices[1].controller->driver = NULL;
        cr_expect(eq(uint, record_totals(&record, &topology).count[OUTCOME_LEFT], 0));
}

/* The kernel's pass still waits for them, so their time is not known. */
Test(record, does_not_count_late_ones_as_saved) {
        const Outcome outcomes[] = { OUTCOME_LATE, OUTCOME_BEGUN };

        for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
                record.results[0].outcome = outcomes[i];
                cr_expect(eq(u64, record_totals(&record, &topology).serial_usec, 5000000));
                cr_expect(eq(u64, record_totals(&record, &topology).saved_usec, 0));
        }
}

/* The kernel's pass has the processors for itself, but does not expedite RCU. */
Test(record, serial_is_about_what_the_kernel_alone_takes) {
        record.results[0].contention_usec = 3000;
        cr_expect(eq(u64, record_totals(&record, &topology).serial_usec, 7103000 - 3000));
        record.is_rcu_expedited = true;
        cr_expect(
                eq(u64, record_totals(&record, &topology).serial_usec, 7103000 - 3000 + 2 * 25000),
                "of the two that were taken, not of the one that was left");
        record.results[0].contention_usec = 3 * USEC_PER_SEC;
        cr_expect(eq(u64, record_totals(&record, &topology).serial_usec, 5000000 + 2 * 25000));
}

Test(record, kmsg_line_of_a_detached_controller) {
        log_set_kmsg_fd(pair[0]);
        record_log_controller(&record, &topology, 0);
        cr_expect(eq(str, (char *) receive_entry(),
                     "<31>nvme-async-shutdown: nvme0 0000:01:00.0: detached in 2.103s "
                     "(stage=hook/reboot took=0,0,17,2103000,0 "
                     "boot=0123456789abcdef0123456789abcdef sn=S-nvme0 at=10000007)"));
}

Test(record, kmsg_line_of_one_that_was_left) {
        const char *line;

        log_set_kmsg_fd(pair[0]);
        record_log_controller(&record, &topology, 1);
        line = receive_entry();
        cr_expect(eq(str, (char *) line,
                     "<31>nvme-async-shutdown: nvme1 0000:02:00.0: left, flushed: /dev/nvme1n1 is "
                     "mounted on / (stage=hook/reboot boot=0123456789abcdef0123456789abcdef "
                     "sn=S-nvme1)"));
}

/* Under lockdown only the driver's silence tells that a controller is detached. */
Test(record, only_shst_makes_an_entry_verified) {
        log_set_kmsg_fd(pair[0]);
        for (int seen = 0; seen < 2; seen++) {
                record.results[0].outcome = OUTCOME_DETACHED;
                record.results[0].is_verified = seen;
                record_log_controller(&record, &topology, 0);
                cr_expect(eq(int, strstr(receive_entry(), " verified=no ") == NULL, seen));
        }
}

Test(record, journal_entry_has_every_field) {
        static const char *const expected[] = {
                "\nMESSAGE=nvme2 0000:03:00.0: failed in 5.000s: no shutdown was started, "
                "CSTS=0x1\n",
                "\nMESSAGE_ID=" MESSAGE_ID_CONTROLLER "\n",
                "\nNVME_CONTROLLER=nvme2\n",
                "\nNVME_PCI_ADDRESS=0000:03:00.0\n",
                "\nNVME_MODEL=Test\n",
                "\nNVME_SERIAL=S-nvme2\n",
                "\nNVME_STAGE=hook\n",
                "\nNVME_ACTION=reboot\n",
                "\nNVME_OUTCOME=failed\n",
                "\nNVME_REASON=no shutdown was started, CSTS=0x1\n",
                "\nNVME_FLUSHED=no\n",
                "\nNVME_VERIFIED=no\n",
                "\nNVME_SHUTDOWN_USEC=5000000\n",
        };
        const char *entry;

        log_set_journal_fd(pair[0]);
        record_log_controller(&record, &topology, 2);
        entry = receive_entry();
        cr_expect(eq(int, strncmp(entry, "PRIORITY=4\n", 11), 0));
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                cr_expect(ne(ptr, (void *) strstr(entry, expected[i]), NULL), "%s", expected[i]);
        record_log_controller(&record, &topology, 0);
        cr_expect(ne(ptr, (void *) strstr(receive_entry(), "\nNVME_PHASE_FSYNC_USEC=17\n"), NULL));
}

Test(record, summary_in_the_journal) {
        log_set_journal_fd(pair[0]);
        record_log_summary(&record, &topology);
        cr_expect(
                ne(ptr,
                   (void *) strstr(receive_entry(), "\nELAPSED_USEC=5500000\nSERIAL_USEC=7103000\n"
                                                    "SAVED_USEC=1603000\n"),
                   NULL));
}

Test(record, summary_counts_controllers_detached_by_the_drivers_word) {
        RecordTotals totals;

        record.results[0].is_verified = false;
        totals = record_totals(&record, &topology);
        cr_expect(eq(uint, totals.count[OUTCOME_DETACHED], 1));
        cr_expect(eq(uint, totals.n_by_word, 1));
        log_set_journal_fd(pair[0]);
        record_log_summary(&record, &topology);
        cr_expect(ne(ptr, (void *) strstr(receive_entry(), "\nNVME_BY_DRIVERS_WORD=1\n"), NULL));
        log_set_kmsg_fd(dup(pair[0]));
        record_log_summary(&record, &topology);
        cr_expect(ne(ptr,
                     (void *) strstr(receive_entry(),
                                     "1 NVMe controllers detached (1 by the driver's word) in"),
                     NULL));
}

Test(record, summary_on_one_kmsg_line) {
        log_set_kmsg_fd(pair[0]);
        record_log_summary(&record, &topology);
        cr_expect(eq(
                str, (char *) receive_entry(),
                "<29>nvme-async-shutdown: 1 NVMe controllers detached in 5.500s, 1 left, 0 "
                "late, 1 failed, 0 vanished, 0 unverified; one after the other about 7.103s, saved "
                "1.603s (stage=hook summary "
                "boot=0123456789abcdef0123456789abcdef detached=1 left=1 late=0 failed=1 "
                "vanished=0 "
                "unverified=0 elapsed_usec=5500000 serial_usec=7103000 saved_usec=1603000 "
                "action=reboot began=10000000)"));
}

Test(record, logs_the_release_of_a_bridge) {
        const char *entry;

        log_open(LOG_TARGET_STDERR, 7);
        log_set_journal_fd(pair[0]);
        record_log_released(&record, &topology, 3);
        entry = receive_entry();
        cr_expect(ne(ptr,
                     (void *) strstr(entry, "MESSAGE=bridge 0000:00:01.0 released after 1 child, "
                                            "2.100s\n"),
                     NULL));
        cr_expect(ne(ptr, (void *) strstr(entry, "\nNVME_WAITED_FOR=3\n"), NULL));
        cr_expect(ne(ptr, (void *) strstr(entry, "\nNVME_RELEASED_BY=0000:02:00.0\n"), NULL));
}

Test(record, names_the_device_that_was_waited_for_only_if_there_was_one) {
        log_open(LOG_TARGET_STDERR, 7);
        log_set_journal_fd(pair[0]);
        record_log_controller(&record, &topology, 2);
        cr_expect(eq(ptr, (void *) strstr(receive_entry(), "NVME_RELEASED_BY="), NULL));
        record.results[2].n_turns = 1;
        record.results[2].released_by = 1;
        record_log_controller(&record, &topology, 2);
        cr_expect(ne(ptr, (void *) strstr(receive_entry(), "\nNVME_RELEASED_BY=0000:02:00.0\n"),
                     NULL));
}

/* No machine has so many bridges; the nearest ones matter. */
Test(record, a_path_that_is_too_long_loses_its_front) {
        char *address = topology.devices[4].address = realloc(topology.devices[4].address, 151);
        const char *line;

        memset(address, 'a', 150);
        address[150] = '\0';
        log_set_journal_fd(pair[0]);
        record_log_controller(&record, &topology, 0);
        line = receive_entry();
        cr_expect(ne(ptr, (void *) strstr(line, "\nNVME_PATH=0000:00:01.0\n"), NULL), "%s", line);
}

/* Broken data must not make the stage hang. */
Test(record, a_path_that_runs_in_a_circle_ends) {
        const char *line;

        topology.devices[4].parent = 3;
        log_set_journal_fd(pair[0]);
        record_log_controller(&record, &topology, 0);
        line = receive_entry();
        cr_expect(ne(ptr, (void *) strstr(line, "/pci0000:00/0000:00:01.0\n"), NULL), "%s", line);
}

Test(record, knows_which_boot_this_is) {
        fake_root_start();

        fake_root_write("proc/sys/kernel/random/boot_id", "a1b2c3d4-0000-1111-2222-333344445555\n");
        cr_expect(eq(int, record_read_boot_id(&record, root_fd), 0));
        cr_expect(eq(str, record.boot_id, "a1b2c3d4000011112222333344445555"));
        fake_root_remove("proc");
        cr_expect(eq(int, record_read_boot_id(&record, root_fd), 0), "unknown is no error");
        cr_expect(eq(str, record.boot_id, ""));
        fake_root_done();
}

Test(record, names_every_outcome_and_phase) {
        for (Outcome outcome = 0; outcome < _OUTCOME_MAX; outcome++)
                cr_expect(ne(ptr, (void *) outcome_to_string(outcome), NULL));
        for (Phase phase = 0; phase < _PHASE_MAX; phase++)
                cr_expect(ne(ptr, (void *) phase_to_string(phase), NULL));
        cr_expect(eq(ptr, (void *) outcome_to_string(_OUTCOME_MAX), NULL));
}
