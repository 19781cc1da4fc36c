/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_root.h"
#include "stage/stand_down.h"
#include "topology_builder.h"

static Config config;
static char *reason;

/* What PID 1 answers. */
static int pending = -ENOENT;

static void setup(void) {
        fake_root_start();
        config = build_config();
        (void) unsetenv("container");
        fake_root_write("proc/cmdline", "root=/dev/nvme0n1 quiet\n");
        fake_root_write("proc/1/comm", "systemd-shutdow\n");
}

static void teardown(void) {
        free(reason);
        fake_root_done();
}

TestSuite(stand_down, .init = setup, .fini = teardown, .timeout = 10);

static void expect(Stage stage, Action action, const char *expected) {
        int r = stand_down(root_fd, &config, stage, action, &reason);

        cr_assert(eq(int, r, expected ? 1 : 0), "%s", reason ? reason : "no reason");
        if (expected)
                cr_expect(eq(str, reason, (char *) expected));
}

Test(stand_down, has_nothing_against_an_ordinary_shutdown) {
        expect(STAGE_UNIT, ACTION_REBOOT, NULL);
        expect(STAGE_HOOK, ACTION_POWEROFF, NULL);
}

Test(stand_down, when_not_enabled) {
        config.is_enabled = false;
        expect(STAGE_HOOK, ACTION_REBOOT, "Enabled=no");
}

Test(stand_down, for_an_action_that_is_not_named) {
        config.actions = 1U << ACTION_REBOOT | 1U << ACTION_KEXEC;
        expect(STAGE_HOOK, ACTION_HALT, "Actions= does not name halt");
}

Test(stand_down, for_a_stage_that_is_not_named) {
        config.stages = 1U << STAGE_UNIT;
        expect(STAGE_HOOK, ACTION_REBOOT, "Stages= does not name hook");
}

/* An Exclude= that got lost would have us take what the admin wants left alone. */
Test(stand_down, when_who_is_meant_could_not_be_read) {
        config.is_selection_uncertain = true;
        expect(STAGE_HOOK, ACTION_REBOOT,
               "a part of the configuration that may hold Include= or Exclude= could not be read "
               "or understood");
}

Test(stand_down, when_the_kernel_command_line_says_so) {
        fake_root_write("proc/cmdline", "quiet nvme_async_shutdown=0\n");
        expect(STAGE_HOOK, ACTION_REBOOT, "nvme_async_shutdown=0 is on the kernel command line");
}

Test(stand_down, only_for_the_whole_kernel_argument) {
        fake_root_write("proc/cmdline",
                        "nvme_async_shutdown=01 xnvme_async_shutdown=0 nvme_async_shutdown=1\n");
        expect(STAGE_HOOK, ACTION_REBOOT, NULL);
}

Test(stand_down, in_a_container_by_environment) {
        cr_assert(eq(int, setenv("container", "lxc", 1), 0));
        expect(STAGE_HOOK, ACTION_REBOOT, "this is a container");
}

Test(stand_down, in_a_container_by_systemds_file) {
        fake_root_write("run/systemd/container", "systemd-nspawn\n");
        expect(STAGE_HOOK, ACTION_REBOOT, "this is a container");
}

Test(stand_down, in_a_container_by_its_managers_file) {
        fake_root_write("run/host/container-manager", "podman\n");
        expect(STAGE_UNIT, ACTION_REBOOT, "this is a container");
}

Test(stand_down, when_the_kernel_does_it_itself) {
        fake_root_write("sys/module/core/parameters/async_shutdown", "Y\n");
        expect(STAGE_HOOK, ACTION_REBOOT,
               "this kernel shuts devices down concurrently itself (core.async_shutdown=Y)");
        free(reason);
        reason = NULL;
        fake_root_write("sys/module/core/parameters/async_shutdown", "N\n");
        expect(STAGE_HOOK, ACTION_REBOOT, NULL);
}

Test(stand_down, beside_a_firmware_activation_and_only_in_the_hook) {
        fake_root_write("var/lib/fwupd/pending.db", "");
        expect(STAGE_HOOK, ACTION_REBOOT, NULL);
        fake_root_write("lib/systemd/system-shutdown/fwupd.shutdown", "");
        expect(STAGE_UNIT, ACTION_REBOOT, NULL);
        expect(STAGE_HOOK, ACTION_REBOOT,
               "fwupd may be activating firmware beside us (/var/lib/fwupd/pending.db exists)");
}

Test(stand_down, hook_acts_only_below_systemd_shutdown) {
        cr_expect(eq(int, is_shutting_down(root_fd, STAGE_HOOK, ACTION_REBOOT), 1));
        fake_root_write("proc/1/comm", "systemd\n");
        cr_expect(eq(int, is_shutting_down(root_fd, STAGE_HOOK, ACTION_REBOOT), 0));
        fake_root_remove("proc/1");
        cr_expect(eq(int, is_shutting_down(root_fd, STAGE_HOOK, ACTION_REBOOT), -ENOENT));
}

static int is_unit(const char *groups, Action action) {
        fake_root_write("proc/self/cgroup", groups);
        return is_shutting_down(root_fd, STAGE_UNIT, action);
}

Test(stand_down, unit_acts_only_as_the_unit_of_that_action) {
        cr_expect(eq(int, is_shutting_down(root_fd, STAGE_UNIT, ACTION_REBOOT), -ENOENT));
        cr_expect(
                eq(int,
                   is_unit("0::/system.slice/nvme-async-shutdown-reboot.service\n", ACTION_REBOOT),
                   1));
        cr_expect(eq(int,
                     is_unit("0::/system.slice/nvme-async-shutdown-reboot.service\n", ACTION_KEXEC),
                     0));
        cr_expect(eq(int,
                     is_unit("12:cpuset:/\n1:name=systemd:/nvme-async-shutdown-kexec.service\n",
                             ACTION_KEXEC),
                     1));
        cr_expect(eq(
                int,
                is_unit("2:cpu:/nvme-async-shutdown-kexec.service\n0::/init.scope\n", ACTION_KEXEC),
                0));
        cr_expect(eq(int, is_unit("0::/user.slice/session-1.scope\n", ACTION_REBOOT), 0));
        cr_expect(eq(int, is_unit("", ACTION_REBOOT), 0));
}

Test(stand_down, exitrd_acts_only_in_an_initrds_file_system_that_is_the_last_one) {
        fake_root_write("proc/1/comm", "shutdown\n");
        cr_expect(eq(int, is_shutting_down(root_fd, STAGE_EXITRD, ACTION_REBOOT), 0));
        fake_root_write("etc/initrd-release", "");
        cr_expect(eq(int, is_shutting_down(root_fd, STAGE_EXITRD, ACTION_REBOOT), 1));
        /* the boot's initrd */
        fake_root_write("proc/1/comm", "systemd\n");
        cr_expect(eq(int, is_shutting_down(root_fd, STAGE_EXITRD, ACTION_REBOOT), 0));
        fake_root_remove("proc/1/comm");
        cr_expect(eq(int, is_shutting_down(root_fd, STAGE_EXITRD, ACTION_REBOOT), -ENOENT));
}

#define WORDS(text) (text), sizeof(text) - 1

static Action action_of(const char *words, size_t size) {
        fake_root_write_binary("proc/1/cmdline", words, size);
        return shutting_down_action(root_fd);
}

Test(stand_down, pid_1_still_knows_which_way_it_goes) {
        cr_expect(eq(int,
                     action_of(WORDS("/usr/lib/systemd/systemd-shutdown\0poweroff\0"
                                     "--log-level\0006\0--timeout\00090000000us\0")),
                     ACTION_POWEROFF));
        /* mkinitcpio, finalrd */
        cr_expect(eq(int, action_of(WORDS("/shutdown\0kexec\0--log-level\0006\0")), ACTION_KEXEC));
        /* dracut's is a script */
        cr_expect(eq(int, action_of(WORDS("/bin/sh\0/shutdown\0halt\0--log-level\0006\0")),
                     ACTION_HALT));
        cr_expect(eq(int, action_of(WORDS("/bin/bash\0-e\0/shutdown\0reboot")), ACTION_REBOOT));
}

/* What it is called is no verb, and part of a word is none. */
Test(stand_down, pid_1_of_a_live_machine_goes_nowhere) {
        cr_expect(eq(int, action_of(WORDS("/sbin/init\0")), _ACTION_INVALID));
        cr_expect(eq(int, action_of(WORDS("reboot\0")), _ACTION_INVALID));
        cr_expect(
                eq(int, action_of(WORDS("/shutdown\0exit\0--exit-code\0001\0")), _ACTION_INVALID));
        cr_expect(eq(int, action_of(WORDS("/shutdown\0\0\0\0")), _ACTION_INVALID));
        cr_expect(eq(int, action_of(WORDS("/shutdown\0rebooting\0to reboot\0")), _ACTION_INVALID));
        cr_expect(eq(int, action_of(WORDS("")), _ACTION_INVALID));
}

Test(stand_down, pid_1_may_not_be_seen) {
        cr_expect(eq(int, shutting_down_action(root_fd), _ACTION_INVALID));
        fake_root_write("proc/1/cmdline/x", "");
        cr_expect(eq(int, shutting_down_action(root_fd), _ACTION_INVALID));
}

Test(stand_down, a_command_line_of_any_length_is_read_as_far_as_needed) {
        char words[8192];

        memset(words, 'x', sizeof(words));
        memcpy(words, "/shutdown\0reboot", sizeof("/shutdown\0reboot"));
        cr_expect(eq(int, action_of(words, sizeof(words)), ACTION_REBOOT));
        memset(words, 'x', sizeof(words));
        cr_expect(eq(int, action_of(words, sizeof(words)), _ACTION_INVALID));
}

static void expect_rehearsal(const char *expected) {
        int r;

        free(reason);
        reason = NULL;
        r = stand_down_rehearsal(root_fd, &config, pending, ACTION_KEXEC, &reason);
        cr_assert(eq(int, r, expected ? 1 : 0), "%s", reason ? reason : "no reason");
        if (expected)
                cr_expect(eq(str, reason, (char *) expected));
}

/* It is there to try what is not enabled yet, and of interest with any kernel. */
Test(stand_down, has_nothing_against_a_rehearsal_on_a_live_machine) {
        fake_root_write("proc/1/comm", "systemd\n");
        expect_rehearsal(NULL);
        config.is_enabled = false;
        config.stages = config.actions = 0;
        fake_root_write("sys/module/core/parameters/async_shutdown", "Y\n");
        fake_root_write("var/lib/fwupd/pending.db", "");
        fake_root_write("lib/systemd/system-shutdown/fwupd.shutdown", "");
        expect_rehearsal(NULL);
        fake_root_remove("proc/1");
        expect_rehearsal(NULL);
}

Test(stand_down, no_rehearsal_when_who_is_meant_could_not_be_read) {
        fake_root_write("proc/1/comm", "systemd\n");
        config.is_selection_uncertain = true;
        expect_rehearsal("a part of the configuration that may hold Include= or Exclude= could not "
                         "be read or understood");
}

Test(stand_down, no_rehearsal_where_the_kernel_command_line_forbids_to_act) {
        fake_root_write("proc/1/comm", "systemd\n");
        fake_root_write("proc/cmdline", "nvme_async_shutdown=0\n");
        expect_rehearsal("nvme_async_shutdown=0 is on the kernel command line");
}

Test(stand_down, no_rehearsal_in_a_container_or_an_initrd) {
        fake_root_write("proc/1/comm", "systemd\n");
        fake_root_write("etc/initrd-release", "");
        expect_rehearsal("this is an initrd: nobody knows yet what will be needed");
        fake_root_write("run/systemd/container", "lxc\n");
        expect_rehearsal("this is a container");
}

Test(stand_down, no_rehearsal_on_a_machine_that_goes_down) {
        expect_rehearsal("this machine is shutting down");
        fake_root_write("proc/1/comm", "systemd\n");
        pending = 0;
        expect_rehearsal("this machine is on its way to kexec");
        pending = -ECONNREFUSED;
        expect_rehearsal("could not find out whether the machine is shutting down: Connection "
                         "refused");
}
