/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/stat.h>

#include "fake_root.h"
#include "stage/overlap.h"

#define EXITRD "run/initramfs/shutdown"
#define BACKEND "sys/module/pstore/parameters/backend"
#define ALWAYS "sys/module/printk/parameters/always_kmsg_dump"

/* A machine whose kernel keeps its log, without an exitrd. */
static void setup(void) {
        fake_root_start();
        fake_root_write(BACKEND, "erst\n");
        fake_root_write(ALWAYS, "N\n");
}

TestSuite(overlap, .init = setup, .fini = fake_root_done, .timeout = 10);

static bool may(Overlap overlap, Stage stage, Action action) {
        const Config config = { .overlap = overlap, .persist_log = PERSIST_LOG_AUTO };

        return may_overlap(root_fd, &config, stage, action);
}

static void write_exitrd(mode_t mode) {
        fake_root_write(EXITRD, "#!/bin/sh\n");
        cr_assert(eq(int, fchmodat(root_fd, EXITRD, mode, 0), 0));
}

Test(overlap, no_stage_overlaps_where_an_exitrd_follows) {
        write_exitrd(0755);
        for (Overlap overlap = 0; overlap < _OVERLAP_MAX; overlap++) {
                const char *name = overlap_to_string(overlap);

                cr_expect(not(may(overlap, STAGE_UNIT, ACTION_REBOOT)), "%s", name);
                cr_expect(not(may(overlap, STAGE_HOOK, ACTION_REBOOT)), "%s", name);
        }
}

/* Nothing follows the exitrd itself, and systemd-shutdown does not execute such a file. */
Test(overlap, without_another_exitrd_to_follow) {
        write_exitrd(0755);
        cr_expect(may(OVERLAP_YES, STAGE_EXITRD, ACTION_REBOOT));
        cr_expect(may(OVERLAP_AUTO, STAGE_EXITRD, ACTION_REBOOT));
        write_exitrd(0644);
        cr_expect(may(OVERLAP_YES, STAGE_UNIT, ACTION_REBOOT));
        cr_expect(may(OVERLAP_YES, STAGE_HOOK, ACTION_REBOOT));
}

Test(overlap, auto_overlaps_where_the_kernel_keeps_its_log) {
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                cr_expect(may(OVERLAP_AUTO, stage, ACTION_REBOOT), "%s", stage_to_string(stage));
        fake_root_write(BACKEND, "(null)\n");
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                cr_expect(not(may(OVERLAP_AUTO, stage, ACTION_REBOOT)), "%s",
                          stage_to_string(stage));
}

/* A back end alone is not enough. */
Test(overlap, auto_waits_where_the_back_end_does_not_keep_the_log) {
        cr_expect(not(may(OVERLAP_AUTO, STAGE_UNIT, ACTION_KEXEC)));
        fake_root_write(BACKEND, "efi_pstore\n");
        cr_expect(not(may(OVERLAP_AUTO, STAGE_UNIT, ACTION_REBOOT)));
        fake_root_write(BACKEND, "ramoops\n");
        cr_expect(not(may(OVERLAP_AUTO, STAGE_UNIT, ACTION_REBOOT)));
}

Test(overlap, yes_and_no_do_not_ask) {
        cr_expect(not(may(OVERLAP_NO, STAGE_UNIT, ACTION_REBOOT)));
        fake_root_remove(BACKEND);
        cr_expect(may(OVERLAP_YES, STAGE_UNIT, ACTION_REBOOT));
}

static unsigned settled(unsigned min_controllers, Stage stage, bool overlaps) {
        Config config = { .min_controllers = min_controllers };

        settle_min_controllers(&config, stage, overlaps);
        return config.min_controllers;
}

Test(overlap, one_controller_is_enough_where_the_rest_runs_meanwhile) {
        cr_expect(eq(uint, settled(MIN_CONTROLLERS_AUTO, STAGE_UNIT, true), 1));
        cr_expect(eq(uint, settled(MIN_CONTROLLERS_AUTO, STAGE_UNIT, false), 2));
        cr_expect(eq(uint, settled(MIN_CONTROLLERS_AUTO, STAGE_HOOK, true), 2));
        cr_expect(eq(uint, settled(MIN_CONTROLLERS_AUTO, STAGE_EXITRD, true), 2));
        cr_expect(eq(uint, settled(3, STAGE_UNIT, true), 3));
        cr_expect(eq(uint, settled(1, STAGE_HOOK, false), 1));
}
