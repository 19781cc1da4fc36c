/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drives are text files: dev/nvme0 holds the counters of its SMART log. tests/vm reads the log
 * of an emulated drive. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/socket.h>

#include "base/log.h"
#include "fake_root.h"
#include "report/drive_power.h"
#include "report/power_check.h"
#include "waves/nvme_ctrl.h"

#define DRIVES "var/lib/nvme-async-shutdown/drives"
#define BOOT_1 "11111111111111111111111111111111"
#define BOOT_2 "22222222222222222222222222222222"

static int journal_fd;
static usec_t timeout_usec = 20 * USEC_PER_SEC;

/* Replaces the one in nvme_ctrl.c. */
int controller_smart(int fd, NvmeSmart *ret) {
        char text[64] = "";
        unsigned cycles, unsafe;

        if (pread(fd, text, strlen("mute"), 0) > 0 && STREQ(text, "mute"))
                for (;;)
                        (void) pause();
        if (read(fd, text, sizeof(text) - 1) < 0 || sscanf(text, "%u %u", &cycles, &unsafe) != 2)
                return -EREMOTEIO;
        *ret = (NvmeSmart){ .power_cycles = cycles, .unsafe_shutdowns = unsafe };
        return 0;
}

static void add_drive(const char *name, const char *transport, const char *serial,
                      const char *smart) {
        const struct {
                const char *attribute, *text;
        } all[] = { { "transport", transport },
                    { "serial", serial },
                    { "address", "0000:01:00.0" },
                    { "model", "A drive" } };
        char path[80];

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                (void) snprintf(path, sizeof(path), "sys/class/nvme/%s/%s", name, all[i].attribute);
                fake_root_write(path, all[i].text);
        }
        (void) snprintf(path, sizeof(path), "dev/%s", name);
        fake_root_write(path, smart);
}

static void setup(void) {
        int pair[2];

        fake_root_start();
        fake_root_write("var/lib/x", "");
        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0));
        log_set_journal_fd(pair[0]);
        journal_fd = pair[1];
}

static void teardown(void) {
        log_close();
        (void) close(journal_fd);
        fake_root_done();
}

TestSuite(power_check, .init = setup, .fini = teardown, .timeout = 30);

/* Runs the check as in that boot. Returns the number of drives that answered. */
static size_t check(const char *boot_id) {
        size_t n = SIZE_MAX;

        cr_assert(eq(int, power_check(root_fd, boot_id, timeout_usec, &n), 0));
        return n;
}

/* Expects that the next journal entry has both texts. */
static void expect_entry(const char *first, const char *second) {
        char text[4096];
        ssize_t n = recv(journal_fd, text, sizeof(text) - 1, MSG_DONTWAIT);

        cr_assert(gt(long, (long) n, 0), "no entry with %s", first);
        text[n] = '\0';
        cr_expect(strstr(text, first) != NULL, "%s: %s", first, text);
        cr_expect(strstr(text, second) != NULL, "%s: %s", second, text);
}

static void expect_silence(void) {
        char text[1];

        cr_expect(eq(long, (long) recv(journal_fd, text, sizeof(text), MSG_DONTWAIT), -1));
}

static void expect_remembered(const char *serial, uint64_t cycles) {
        DrivePower power = DRIVE_POWER_INIT;
        const NvmeSmart *smart;

        cr_assert(eq(int, drive_power_read(root_fd, &power), 0));
        smart = drive_power_find(&power, serial);
        cr_assert(ne(ptr, (void *) smart, NULL), "%s", serial);
        cr_expect(eq(u64, smart->power_cycles, cycles));
        drive_power_done(&power);
}

Test(power_check, logs_which_drives_went_down_cleanly) {
        add_drive("nvme0", "pcie", "S0", "10 3");
        add_drive("nvme1", "pcie", "S1", "10 3");
        cr_expect(eq(sz, check(BOOT_1), 2));
        expect_silence();
        fake_root_write("dev/nvme0", "11 3");
        fake_root_write("dev/nvme1", "12 5");
        cr_expect(eq(sz, check(BOOT_2), 2));
        for (int i = 0; i < 2; i++) {
                char peek[4096] = "";

                cr_assert(
                        gt(long,
                           (long) recv(journal_fd, peek, sizeof(peek) - 1, MSG_DONTWAIT | MSG_PEEK),
                           0));
                if (strstr(peek, "NVME_SERIAL=S0"))
                        expect_entry("nvme0 0000:01:00.0 went down cleanly",
                                     "NVME_SHUTDOWN_BOOT_ID=" BOOT_1);
                else
                        expect_entry("counter has increased by 2 since the last boot, to 5",
                                     "NVME_NEW_POWER_CYCLES=2");
        }
        expect_silence();
        expect_remembered("S0", 11);
        expect_remembered("S1", 12);
}

Test(power_check, drives_that_kept_their_power_prove_nothing) {
        add_drive("nvme0", "pcie", "S0", "10 3");
        add_drive("nvme1", "pcie", "S1", "10 3");
        (void) check(BOOT_1);
        cr_expect(eq(sz, check(BOOT_2), 2));
        expect_entry("2 NVMe drives kept power", "NVME_DRIVES=2");
        expect_silence();
}

Test(power_check, knows_a_drive_without_the_blanks_around_its_serial_number) {
        add_drive("nvme0", "pcie", "                  S0\n", "10 3");
        add_drive("nvme1", "pcie", "                    \n", "10 3");
        cr_expect(eq(sz, check(BOOT_1), 1));
        expect_remembered("S0", 10);
}

Test(power_check, runs_once_a_boot) {
        add_drive("nvme0", "pcie", "S0", "10 3");
        cr_expect(eq(sz, check(BOOT_1), 1));
        fake_root_write("dev/nvme0", "11 4");
        cr_expect(eq(sz, check(BOOT_1), 0));
        expect_silence();
        expect_remembered("S0", 10);
}

/* The old counters are kept, for comparison with those after a later shutdown. */
Test(power_check, skips_a_drive_that_does_not_answer) {
        add_drive("nvme0", "pcie", "S0", "10 3");
        (void) check(BOOT_1);
        fake_root_write("dev/nvme0", "no answer");
        cr_expect(eq(sz, check(BOOT_2), 0));
        expect_entry("/dev/nvme0: could not read its SMART log, ignoring", "");
        expect_remembered("S0", 10);
        fake_root_remove("dev/nvme0");
        cr_expect(eq(sz, check(BOOT_1), 0));
        expect_entry("/dev/nvme0: could not read its SMART log, ignoring", "No such file");
}

/* All drives are asked at the same time: many that don't answer cost no more than one. */
Test(power_check, drives_that_do_not_answer_delay_no_others) {
        usec_t before;

        for (unsigned i = 0; i < 10; i++) {
                char name[16], serial[16];

                (void) snprintf(name, sizeof(name), "nvme%u", i);
                (void) snprintf(serial, sizeof(serial), "S%u", i);
                add_drive(name, "pcie", serial, i == 7 ? "10 3" : "mute");
        }
        timeout_usec = 500 * USEC_PER_MSEC;
        before = usec_now();
        cr_expect(eq(sz, check(BOOT_1), 1));
        cr_expect(ge(u64, usec_now() - before, timeout_usec));
        cr_expect(lt(u64, usec_now() - before, 8 * timeout_usec));
        for (unsigned i = 0; i < 9; i++)
                expect_entry("could not read its SMART log, ignoring: Connection timed out", "");
        expect_silence();
        expect_remembered("S7", 10);
}

Test(power_check, skips_drives_on_a_network) {
        cr_expect(eq(sz, check(BOOT_1), 0), "no class at all");
        add_drive("nvme0", "tcp", "S0", "10 3");
        add_drive("nvme1", "pcie", "", "10 3");
        cr_expect(eq(sz, check(BOOT_2), 0));
        expect_silence();
}

Test(power_check, starts_over_after_a_damaged_file) {
        add_drive("nvme0", "pcie", "S0", "10 3");
        fake_root_write(DRIVES, "{\"boot_id\":");
        cr_expect(eq(sz, check(BOOT_1), 1));
        expect_entry("are damaged, ignoring: starting over", "PRIORITY=4");
        expect_remembered("S0", 10);
}

Test(power_check, a_file_that_can_not_be_written_is_an_error) {
        size_t n;

        fake_root_remove("var");
        add_drive("nvme0", "pcie", "S0", "10 3");
        cr_expect(eq(int, power_check(root_fd, BOOT_1, timeout_usec, &n), -ENOENT));
}
