/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_root.h"
#include "record/journal_storage.h"

#define MACHINE "0123456789abcdef0123456789abcdef"

static void setup(void) {
        fake_root_start();
        fake_root_write("etc/machine-id", MACHINE "\n");
        fake_root_write("var/log/journal/" MACHINE "/system.journal", "");
}

TestSuite(journal_storage, .init = setup, .fini = fake_root_done, .timeout = 10);

Test(journal_storage, persistent) {
        cr_expect(not(is_journal_volatile(root_fd)));
        fake_root_write("run/log/journal/ffffffffffffffffffffffffffffffff/system.journal", "");
        cr_expect(not(is_journal_volatile(root_fd)), "another machine's");
        fake_root_remove("etc/machine-id");
        cr_expect(not(is_journal_volatile(root_fd)));
}

Test(journal_storage, no_place_to_keep_it) {
        fake_root_remove("var/log/journal");
        cr_expect(is_journal_volatile(root_fd));
}

/* Storage=volatile, or /var has gone and what is below it shows. */
Test(journal_storage, writes_to_run) {
        fake_root_write("run/log/journal/" MACHINE "/system.journal", "");
        cr_expect(is_journal_volatile(root_fd));
}
