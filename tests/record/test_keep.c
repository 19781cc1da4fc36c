/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_root.h"
#include "record/keep.h"

#define MACHINE "0123456789abcdef0123456789abcdef"
#define BACKEND "sys/module/pstore/parameters/backend"
#define ALWAYS "sys/module/printk/parameters/always_kmsg_dump"
#define MAX_REASON "sys/module/ramoops/parameters/max_reason"

static void setup(void) {
        fake_root_start();
        fake_root_write("etc/machine-id", MACHINE "\n");
        fake_root_write("var/log/journal/" MACHINE "/system.journal", "");
        fake_root_write(BACKEND, "erst\n");
        fake_root_write(ALWAYS, "N\n");
}

TestSuite(keep, .init = setup, .fini = fake_root_done, .timeout = 10);

Test(keep, a_journal_in_var_survives) {
        cr_expect(not(is_journal_volatile(root_fd)));
        fake_root_write("run/log/journal/ffffffffffffffffffffffffffffffff/system.journal", "");
        cr_expect(not(is_journal_volatile(root_fd)), "another machine's");
        fake_root_remove("etc/machine-id");
        cr_expect(not(is_journal_volatile(root_fd)));
}

Test(keep, without_a_journal_in_var_nothing_survives) {
        fake_root_remove("var/log/journal");
        cr_expect(is_journal_volatile(root_fd));
}

/* Storage=volatile, or /var was unmounted and the directory below it shows. */
Test(keep, a_journal_in_run_does_not_survive) {
        fake_root_write("run/log/journal/" MACHINE "/system.journal", "");
        cr_expect(is_journal_volatile(root_fd));
}

static void expect_state(PersistLog mode, Action action, PstoreLog state) {
        _cleanup_free_ char *always = NULL;

        cr_expect(eq(int, pstore_log_judge(root_fd, mode, action), state));
        always = fake_root_read(ALWAYS);
        cr_expect(eq(str, always, "N\n"), "judging changes nothing");
        cr_expect(eq(int, pstore_log_keep(root_fd, mode, action), (int) state));
        free(always);
        always = fake_root_read(ALWAYS);
        cr_expect(eq(int, *always, state == PSTORE_LOG_KEPT ? 'Y' : 'N'));
}

Test(keep, erst_keeps_the_kernel_log) {
        expect_state(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_KEPT);
        fake_root_write(ALWAYS, "N\n");
        expect_state(PERSIST_LOG_PSTORE, ACTION_POWEROFF, PSTORE_LOG_KEPT);
}

Test(keep, persist_log_no_turns_it_off) {
        expect_state(PERSIST_LOG_NO, ACTION_REBOOT, PSTORE_LOG_OFF);
}

Test(keep, nothing_survives_kexec) {
        expect_state(PERSIST_LOG_PSTORE, ACTION_KEXEC, PSTORE_LOG_KEXEC);
}

Test(keep, no_back_end_keeps_nothing) {
        fake_root_write(BACKEND, "(null)\n");
        expect_state(PERSIST_LOG_PSTORE, ACTION_REBOOT, PSTORE_LOG_NO_BACKEND);
        fake_root_write(BACKEND, "\n");
        expect_state(PERSIST_LOG_PSTORE, ACTION_REBOOT, PSTORE_LOG_NO_BACKEND);
        fake_root_remove(BACKEND);
        expect_state(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_NO_BACKEND);
}

/* Each record takes some twenty EFI variables, so PersistLog=auto does not use them. */
Test(keep, efi_variables_are_used_on_demand_only) {
        fake_root_write(BACKEND, "efi_pstore\n");
        expect_state(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_WEARS);
        expect_state(PERSIST_LOG_PSTORE, ACTION_REBOOT, PSTORE_LOG_KEPT);
}

Test(keep, ramoops_follows_its_max_reason) {
        fake_root_write(BACKEND, "ramoops\n");
        expect_state(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_RAMOOPS);
        fake_root_write(MAX_REASON, "2\n");
        expect_state(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_RAMOOPS);
        fake_root_write(MAX_REASON, "4\n");
        expect_state(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_KEPT);
}

Test(keep, an_old_kernel_is_reported) {
        fake_root_remove(ALWAYS);
        cr_expect(eq(int, pstore_log_keep(root_fd, PERSIST_LOG_AUTO, ACTION_REBOOT),
                     PSTORE_LOG_OLD_KERNEL));
}

Test(keep, every_state_has_a_text) {
        for (PstoreLog state = 0; state < _PSTORE_LOG_MAX; state++)
                cr_expect(ne(ptr, (void *) pstore_log_to_string(state), NULL));
        cr_expect(eq(ptr, (void *) pstore_log_to_string(_PSTORE_LOG_MAX), NULL));
}
