/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_root.h"
#include "record/pstore_log.h"

#define BACKEND "sys/module/pstore/parameters/backend"
#define ALWAYS "sys/module/printk/parameters/always_kmsg_dump"
#define MAX_REASON "sys/module/ramoops/parameters/max_reason"

static void setup(void) {
        fake_root_start();
        fake_root_write(BACKEND, "erst\n");
        fake_root_write(ALWAYS, "N\n");
}

TestSuite(pstore_log, .init = setup, .fini = fake_root_done, .timeout = 10);

static void expect(PersistLog mode, Action action, PstoreLog state) {
        _cleanup_free_ char *always = NULL;

        cr_expect(eq(int, pstore_log_judge(root_fd, mode, action), state));
        always = fake_root_read(ALWAYS);
        cr_expect(eq(str, always, "N\n"), "judging changes nothing");
        cr_expect(eq(int, pstore_log_keep(root_fd, mode, action), (int) state));
        free(always);
        always = fake_root_read(ALWAYS);
        cr_expect(eq(int, *always, state == PSTORE_LOG_KEPT ? 'Y' : 'N'));
}

Test(pstore_log, erst_keeps_it) {
        expect(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_KEPT);
        fake_root_write(ALWAYS, "N\n");
        expect(PERSIST_LOG_PSTORE, ACTION_POWEROFF, PSTORE_LOG_KEPT);
}

Test(pstore_log, not_when_told_not_to) {
        expect(PERSIST_LOG_NO, ACTION_REBOOT, PSTORE_LOG_OFF);
}

Test(pstore_log, not_over_kexec) {
        expect(PERSIST_LOG_PSTORE, ACTION_KEXEC, PSTORE_LOG_KEXEC);
}

Test(pstore_log, not_without_a_back_end) {
        fake_root_write(BACKEND, "(null)\n");
        expect(PERSIST_LOG_PSTORE, ACTION_REBOOT, PSTORE_LOG_NO_BACKEND);
        fake_root_write(BACKEND, "\n");
        expect(PERSIST_LOG_PSTORE, ACTION_REBOOT, PSTORE_LOG_NO_BACKEND);
        fake_root_remove(BACKEND);
        expect(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_NO_BACKEND);
}

/* Each record is some twenty EFI variables: only for those who ask for it. */
Test(pstore_log, efi_variables_only_on_demand) {
        fake_root_write(BACKEND, "efi_pstore\n");
        expect(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_WEARS);
        expect(PERSIST_LOG_PSTORE, ACTION_REBOOT, PSTORE_LOG_KEPT);
}

Test(pstore_log, ramoops_decides_itself) {
        fake_root_write(BACKEND, "ramoops\n");
        expect(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_RAMOOPS);
        fake_root_write(MAX_REASON, "2\n");
        expect(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_RAMOOPS);
        fake_root_write(MAX_REASON, "4\n");
        expect(PERSIST_LOG_AUTO, ACTION_REBOOT, PSTORE_LOG_KEPT);
}

Test(pstore_log, says_that_the_kernel_can_not) {
        fake_root_remove(ALWAYS);
        cr_expect(eq(int, pstore_log_keep(root_fd, PERSIST_LOG_AUTO, ACTION_REBOOT),
                     PSTORE_LOG_OLD_KERNEL));
}

Test(pstore_log, every_state_has_words) {
        for (PstoreLog state = 0; state < _PSTORE_LOG_MAX; state++)
                cr_expect(ne(ptr, (void *) pstore_log_to_string(state), NULL));
        cr_expect(eq(ptr, (void *) pstore_log_to_string(_PSTORE_LOG_MAX), NULL));
}
