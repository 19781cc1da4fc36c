/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "fake_root.h"
#include "record/progress.h"

TestSuite(progress, .init = fake_root_start, .fini = fake_root_done, .timeout = 10);

Test(progress, prints_a_line_for_each_report) {
        _cleanup_free_ char *text = NULL;
        int fd;

        fake_root_write("dev/console", "");
        fd = progress_open(root_fd);
        cr_assert(ge(int, fd, 0));
        progress_show(fd, 18, 24, 3249 * USEC_PER_MSEC);
        progress_show(fd, 24, 24, 4 * USEC_PER_SEC);
        (void) close(fd);
        text = fake_root_read("dev/console");
        cr_expect(eq(str, text,
                     "NVMe shutdown: 18 of 24 done, 3.2 s\r\nNVMe shutdown: 24 of 24 done, 4.0 "
                     "s\r\n"));
}

/* A console that accepts no more output must not block the stage. */
Test(progress, does_not_wait_for_a_stopped_terminal) {
        int ends[2], fd;
        char path[64];

        cr_assert(eq(int, pipe(ends), 0));
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
        fake_root_link("dev/console", path);
        fd = progress_open(root_fd);
        cr_assert(ge(int, fd, 0));
        for (size_t i = 0; i < 10000; i++)
                progress_show(fd, i, 10000, i);
        (void) close(fd);
}

Test(progress, does_nothing_without_a_console) {
        int fd = progress_open(root_fd);

        cr_expect(eq(int, fd, -ENOENT));
        progress_show(fd, 1, 2, 3);
}
