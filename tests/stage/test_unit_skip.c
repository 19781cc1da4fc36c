/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/file.h"
#include "fake_root.h"
#include "stage/survey.h"
#include "stage/unit_skip.h"
#include "topology_builder.h"

static Config config;
static Lines lines;
static size_t n_roots, n_others;

/* nvme0 and so on: first those below the root, then others. At boot everything is mounted. */
int survey_devices(int root_fd_, bool claim, Topology *ret) {
        cr_expect(not(claim), "services need their drives");
        for (size_t i = 0; i < n_roots + n_others; i++) {
                char name[32], address[32];

                (void) snprintf(name, sizeof(name), "nvme%zu", i);
                (void) snprintf(address, sizeof(address), "0000:%02zx:00.0", i + 1);
                (void) build_nvme(ret, name, address, NULL);
                build_use(ret, address, i < n_roots ? USE_ROOT : USE_MOUNT, "mounted");
        }
        return 0;
}

static void setup(void) {
        n_roots = 1;
        n_others = 2;
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

static void expect_text(const char *prefix, const char *action, const char *text) {
        _cleanup_free_ char *found = NULL;
        char path[128];

        (void) snprintf(path, sizeof(path), "run/nvme-async-shutdown/%s-%s", prefix, action);
        cr_assert(eq(int, file_exists(root_fd, path), text != NULL), "%s", path);
        if (!text)
                return;
        found = fake_root_read(path);
        cr_expect(eq(str, found, (char *) text));
}

static void expect_file(const char *action, const char *text) {
        expect_text("skip-unit", action, text);
}

static void expect_too_few(const char *action, const char *text) {
        expect_text("too-few", action, text);
}

Test(unit_skip, skips_none_that_has_work) {
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 0));
        cr_expect(eq(sz, lines.n, 0));
        for (Action action = 0; action < _ACTION_MAX; action++) {
                expect_file(action_to_string(action), NULL);
                expect_too_few(action_to_string(action), NULL);
        }
}

Test(unit_skip, skips_all_that_are_not_enabled) {
        config.is_enabled = false;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 4));
        cr_assert(eq(sz, lines.n, 1));
        cr_expect(eq(str, lines.items[0], "reboot, poweroff, halt, kexec: Enabled=no"));
        expect_file("reboot", "Enabled=no\n");
        expect_file("kexec", "Enabled=no\n");
        expect_too_few("kexec", NULL);
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

Test(unit_skip, does_not_count_the_drives_of_the_root) {
        n_others = 1;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 4));
        cr_assert(eq(sz, lines.n, 1));
        cr_expect(eq(str, lines.items[0],
                     "reboot, poweroff, halt, kexec: 1 NVMe controller besides the root's, "
                     "MinControllers=2"));
        expect_too_few("reboot", "1 NVMe controller besides the root's, MinControllers=2\n");
        expect_file("reboot", NULL);
        config.min_controllers = 1;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 0));
        expect_too_few("reboot", NULL);
        n_roots = 2;
        n_others = 0;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 4));
        expect_too_few("reboot", "0 NVMe controllers besides the root's, MinControllers=1\n");
}

Test(unit_skip, does_not_count_what_the_configuration_excludes) {
        char *exclude[] = { "nvme2", NULL };

        config.exclude = exclude;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 4));
        expect_too_few("halt", "1 NVMe controller besides the root's, MinControllers=2\n");
}

/* The kernel keeps no log over kexec, so the unit can't overlap there. */
Test(unit_skip, one_is_enough_where_the_unit_overlaps) {
        n_others = 1;
        config.min_controllers = MIN_CONTROLLERS_AUTO;
        config.overlap = OVERLAP_AUTO;
        fake_root_write("sys/module/pstore/parameters/backend", "erst\n");
        fake_root_write("sys/module/printk/parameters/always_kmsg_dump", "N\n");
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 1));
        expect_too_few("reboot", NULL);
        expect_too_few("kexec", "1 NVMe controller besides the root's, MinControllers=2\n");
        cr_expect(eq(uint, config.min_controllers, MIN_CONTROLLERS_AUTO));
}

static void expect_link(const char *target) {
        char found[64] = "";

        cr_assert(gt(long,
                     readlinkat(root_fd, "run/nvme-async-shutdown/new-controller", found,
                                sizeof(found) - 1),
                     0));
        cr_expect(eq(str, found, (char *) target));
}

/* The kernel gives a new controller the lowest number that is free. */
Test(unit_skip, knows_the_name_of_the_next_controller) {
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 0));
        expect_link("../../sys/class/nvme/nvme0");
        fake_root_mkdir("sys/class/nvme/nvme0");
        fake_root_mkdir("sys/class/nvme/nvme1");
        fake_root_mkdir("sys/class/nvme/nvme3");
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 0));
        expect_link("../../sys/class/nvme/nvme2");
        cr_expect(not(file_exists(root_fd, "run/nvme-async-shutdown/new-controller")));
        fake_root_mkdir("sys/class/nvme/nvme2");
        cr_expect(file_exists(root_fd, "run/nvme-async-shutdown/new-controller"));
}

Test(unit_skip, a_number_is_outdated_by_the_configuration_but_not_by_a_new_controller) {
        _cleanup_free_ char *reason = NULL;

        n_others = 1;
        cr_assert(eq(int, unit_skip_write(root_fd, &config, &lines), 4));
        cr_expect(eq(int, unit_skip_is_outdated(root_fd, &config, ACTION_REBOOT, &reason), 0));
        config.min_controllers = 1;
        cr_assert(eq(int, unit_skip_is_outdated(root_fd, &config, ACTION_REBOOT, &reason), 1));
        cr_expect(eq(str, reason, "1 NVMe controller besides the root's, MinControllers=2"));
        fake_root_mkdir("sys/class/nvme/nvme0");
        cr_expect(eq(int, unit_skip_is_outdated(root_fd, &config, ACTION_REBOOT, &reason), 0),
                  "the unit starts for the new one");
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
