/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/stat.h>

#include "fake_root.h"
#include "report/imported.h"

#define BOOT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOOT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static Imported imported;

static void setup(void) {
        fake_root_start();
        fake_root_write("var/lib/x", "");
}

static void teardown(void) {
        imported_done(&imported);
        fake_root_done();
}

TestSuite(imported, .init = setup, .fini = teardown, .timeout = 30);

static void reread(void) {
        imported_done(&imported);
        cr_assert(eq(int, imported_read(root_fd, &imported), 0));
}

Test(imported, is_remembered) {
        reread();
        cr_expect(not(imported_has(&imported, BOOT_A)));
        cr_assert(eq(int, imported_add(&imported, BOOT_A), 0));
        cr_assert(eq(int, imported_add(&imported, BOOT_A), 0));
        cr_assert(eq(int, imported_begin(root_fd, &imported), 0));
        cr_assert(eq(int, imported_commit(&imported), 0));
        reread();
        cr_expect(eq(sz, imported.n, 1));
        cr_expect(imported_has(&imported, BOOT_A) && !imported_has(&imported, BOOT_B));
}

/* A crash between the two steps makes the next import start over. */
Test(imported, is_not_remembered_before_the_commit) {
        reread();
        cr_assert(eq(int, imported_add(&imported, BOOT_A), 0));
        cr_assert(eq(int, imported_begin(root_fd, &imported), 0));
        reread();
        cr_expect(eq(sz, imported.n, 0));
        cr_expect(lt(int, access(fake_root_path(IMPORTED_PATH), F_OK), 0));
}

Test(imported, a_damaged_file_keeps_what_is_whole) {
        fake_root_write(IMPORTED_PATH, BOOT_A "\n\x01\x02\n../../etc\naaaa\n" BOOT_B);
        reread();
        cr_expect(eq(sz, imported.n, 2));
}

Test(imported, does_not_begin_if_the_file_can_not_be_written) {
        reread();
        fake_root_write("var/lib/nvme-async-shutdown", "a file in the way");
        cr_expect(lt(int, imported_begin(root_fd, &imported), 0));
}

Test(imported, drops_the_oldest_boots) {
        char id[BOOT_ID_MAX];

        reread();
        for (unsigned i = 0; i < 4100; i++) {
                (void) snprintf(id, sizeof(id), "%032x", i);
                cr_assert(eq(int, imported_add(&imported, id), 0));
        }
        cr_assert(eq(int, imported_begin(root_fd, &imported), 0));
        cr_assert(eq(int, imported_commit(&imported), 0));
        reread();
        cr_expect(eq(sz, imported.n, 4096));
        cr_expect(imported_has(&imported, id));
}
