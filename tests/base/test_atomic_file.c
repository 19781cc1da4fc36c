/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/atomic_file.h"
#include "fake_root.h"

static AtomicFile file;

static void setup(void) {
        fake_root_start();
        fake_root_write("dir/file", "old");
}

TestSuite(atomic_file, .init = setup, .fini = fake_root_done, .timeout = 30);

static void expect_text(const char *text) {
        _cleanup_free_ char *found = fake_root_read("dir/file");

        cr_expect(eq(str, found, (char *) text));
}

/* Hidden ones included. */
static size_t count_files(void) {
        DIR *dir = opendir(fake_root_path("dir"));
        size_t n = 0;

        while (readdir(dir))
                n++;
        (void) closedir(dir);
        return n - 2;
}

Test(atomic_file, the_new_text_appears_at_once) {
        struct stat st;

        cr_assert(eq(int, atomic_file_open(root_fd, "dir/file", 0640, &file), 0));
        (void) fputs("new", file.stream);
        (void) fflush(file.stream);
        expect_text("old");
        cr_expect(eq(int, *strrchr(file.temporary, '/'), '/'));
        cr_expect(eq(int, strrchr(file.temporary, '/')[1], '.'), "hidden");
        cr_assert(eq(int, atomic_file_commit(&file), 0));
        expect_text("new");
        cr_assert(eq(int, stat(fake_root_path("dir/file"), &st), 0));
        cr_expect(eq(int, (int) (st.st_mode & 0777), 0640));
        cr_expect(eq(sz, count_files(), 1));
}

Test(atomic_file, a_discarded_one_leaves_nothing) {
        cr_assert(eq(int, atomic_file_open(root_fd, "dir/file", 0644, &file), 0));
        atomic_file_discard(&file);
        atomic_file_discard(&file);
        expect_text("old");
        cr_expect(eq(sz, count_files(), 1));
}

Test(atomic_file, a_full_disk_keeps_the_old_text) {
        cr_assert(eq(int, atomic_file_open(root_fd, "dir/file", 0644, &file), 0));
        (void) fclose(file.stream);
        file.stream = fopen("/dev/full", "we");
        (void) fputs("new", file.stream);
        cr_expect(eq(int, atomic_file_commit(&file), -ENOSPC));
        expect_text("old");
        cr_expect(eq(sz, count_files(), 1));
}

Test(atomic_file, refuses_impossible_paths) {
        cr_expect(eq(int, atomic_file_open(root_fd, "dir/", 0644, &file), -EISDIR));
        cr_expect(eq(int, atomic_file_open(root_fd, "nowhere/file", 0644, &file), -ENOENT));
}
