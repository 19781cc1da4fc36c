/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/file.h"
#include "fake_root.h"
#include "stage/unit_skip.h"
#include "topology_builder.h"

static Config config;
static Lines lines;

static void setup(void) {
        fake_root_start();
        config = build_config();
        (void) unsetenv("container");
        fake_root_write("proc/cmdline", "root=/dev/nvme0n1 quiet\n");
        fake_root_mkdir("run");
}

static void teardown(void) {
        lines_done(&lines);
        fake_root_done();
}

TestSuite(unit_skip, .init = setup, .fini = teardown, .timeout = 10);

static void expect_file(const char *action, const char *text) {
        _cleanup_free_ char *found = NULL;
        char path[128];

        (void) snprintf(path, sizeof(path), "run/nvme-async-shutdown/skip-unit-%s", action);
        cr_assert(eq(int, file_exists(root_fd, path), text != NULL), "%s", path);
        if (!text)
                return;
        found = fake_root_read(path);
        cr_expect(eq(str, found, (char *) text));
}

Test(unit_skip, skips_none_that_has_work) {
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 0));
        cr_expect(eq(sz, lines.n, 0));
        for (Action action = 0; action < _ACTION_MAX; action++)
                expect_file(action_to_string(action), NULL);
}

Test(unit_skip, skips_all_that_are_not_enabled) {
        config.is_enabled = false;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 4));
        cr_assert(eq(sz, lines.n, 1));
        cr_expect(eq(str, lines.items[0], "reboot, poweroff, halt, kexec: Enabled=no"));
        expect_file("reboot", "Enabled=no\n");
        expect_file("kexec", "Enabled=no\n");
}

Test(unit_skip, skips_an_action_that_is_not_named) {
        config.actions = 1U << ACTION_REBOOT | 1U << ACTION_KEXEC;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 2));
        cr_assert(eq(sz, lines.n, 2));
        cr_expect(eq(str, lines.items[0], "poweroff: Actions= does not name poweroff"));
        cr_expect(eq(str, lines.items[1], "halt: Actions= does not name halt"));
        expect_file("reboot", NULL);
        expect_file("poweroff", "Actions= does not name poweroff\n");
}

Test(unit_skip, skips_a_stage_that_is_not_named) {
        config.stages = 1U << STAGE_HOOK;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 4));
}

/* Reasons that keep only the hook from acting are none for the unit. */
Test(unit_skip, does_not_care_about_fwupd) {
        fake_root_write("var/lib/fwupd/pending.db", "");
        fake_root_write("usr/lib/systemd/system-shutdown/fwupd.shutdown", "");
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 0));
}

/* The unit itself looks for a second controller, as they come and go. */
Test(unit_skip, starts_for_one_controller_only_if_that_is_enough) {
        config.min_controllers = 1;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 0));
        cr_expect(file_exists(root_fd, "run/nvme-async-shutdown/one-is-enough"));
        config.min_controllers = 2;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 0));
        cr_expect(not(file_exists(root_fd, "run/nvme-async-shutdown/one-is-enough")));
}

Test(unit_skip, has_second_thoughts) {
        config.is_enabled = false;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 4));
        config.is_enabled = true;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 0));
        expect_file("reboot", NULL);
        expect_file("kexec", NULL);
}

Test(unit_skip, says_that_it_can_not_write) {
        config.is_enabled = false;
        fake_root_write("run/nvme-async-shutdown", "");
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), -ENOTDIR));
}

Test(unit_skip, tells_when_a_file_is_outdated) {
        _cleanup_free_ char *reason = NULL;

        cr_expect(eq(int, unit_skip_is_outdated(root_fd, &config, ACTION_REBOOT, &reason), 0));
        config.is_enabled = false;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 4));
        cr_expect(eq(int, unit_skip_is_outdated(root_fd, &config, ACTION_REBOOT, &reason), 0));
        config.is_enabled = true;
        config.stages = 1U << STAGE_HOOK;
        cr_expect(eq(int, unit_skip_is_outdated(root_fd, &config, ACTION_REBOOT, &reason), 0));
        config.stages |= 1U << STAGE_UNIT;
        cr_assert(eq(int, unit_skip_is_outdated(root_fd, &config, ACTION_REBOOT, &reason), 1));
        cr_expect(eq(str, reason, "Enabled=no"));
}
