/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_root.h"
#include "report/drive_power.h"

#define BOOT "0123456789abcdef0123456789abcdef"
#define DRIVES "var/lib/nvme-async-shutdown/drives"

static DrivePower power;

static void setup(void) {
        fake_root_start();
        fake_root_write("var/lib/x", "");
}

static void teardown(void) {
        drive_power_done(&power);
        fake_root_done();
}

TestSuite(drive_power, .init = setup, .fini = teardown, .timeout = 30);

Test(drive_power, judges_by_the_counters) {
        static const struct {
                NvmeSmart before, now;
                PowerVerdict verdict;
        } cases[] = {
                { { 10, 3 }, { 10, 3 }, POWER_KEPT }, /* a warm reboot proves nothing */
                { { 10, 3 }, { 11, 3 }, POWER_CLEAN },   { { 10, 3 }, { 12, 3 }, POWER_CLEAN },
                { { 10, 3 }, { 11, 4 }, POWER_UNSAFE },  { { 10, 3 }, { 10, 4 }, POWER_UNSAFE },
                { { 10, 3 }, { 9, 3 }, POWER_UNKNOWN }, /* new firmware, another drive */
                { { 10, 3 }, { 11, 2 }, POWER_UNKNOWN }, { { 0, 0 }, { 0, 0 }, POWER_KEPT },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                cr_expect(eq(int, (int) power_judge(&cases[i].before, &cases[i].now),
                             (int) cases[i].verdict),
                          "case %zu", i);
        cr_expect(eq(int, (int) power_judge(NULL, &cases[0].now), POWER_UNKNOWN));
}

Test(drive_power, is_read_as_it_was_written) {
        cr_assert(eq(int, drive_power_read(root_fd, &power), 0), "there is no file yet");
        cr_expect(eq(str, power.boot_id, ""));
        strcpy(power.boot_id, BOOT);
        cr_assert(eq(int, drive_power_set(&power, "S \"1\"", &(NvmeSmart){ 1, 2 }), 0));
        cr_assert(eq(int, drive_power_set(&power, "S2", &(NvmeSmart){ UINT64_MAX, 4 }), 0));
        cr_assert(eq(int, drive_power_set(&power, "S2", &(NvmeSmart){ UINT64_MAX, 5 }), 0));
        cr_assert(eq(int, drive_power_write(root_fd, &power), 0));
        drive_power_done(&power);
        cr_assert(eq(int, drive_power_read(root_fd, &power), 0));
        cr_expect(eq(str, power.boot_id, BOOT));
        cr_assert(eq(sz, power.n_drives, 2));
        cr_expect(eq(u64, drive_power_find(&power, "S \"1\"")->power_cycles, 1));
        cr_expect(eq(u64, drive_power_find(&power, "S2")->power_cycles, UINT64_MAX));
        cr_expect(eq(u64, drive_power_find(&power, "S2")->unsafe_shutdowns, 5));
        cr_expect(eq(ptr, (void *) drive_power_find(&power, "S3"), NULL));
}

Test(drive_power, a_damaged_file_gives_nothing) {
        static const char *const texts[] = {
                "",
                "{",
                "[]",
                "null",
                "{\"boot_id\": null, \"drives\": {}}",
                "{\"boot_id\": \"" BOOT "\", \"drives\": []}",
                "{\"boot_id\": \"" BOOT "\", \"drives\": {\"S\": null}}",
                "{\"boot_id\": \"" BOOT "\", \"drives\": {\"S\": {\"power_cycles\": \"1\"}}}",
                "{\"boot_id\": \"x\", \"drives\": {}}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                fake_root_write(DRIVES, texts[i]);
                cr_expect(eq(int, drive_power_read(root_fd, &power), -EBADMSG), "%s", texts[i]);
                cr_expect(eq(sz, power.n_drives, 0));
                cr_expect(eq(str, power.boot_id, ""));
        }
}
