/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "fake_root.h"

TestSuite(file, .init = fake_root_start, .fini = fake_root_done, .timeout = 10);

Test(file, reads_an_attribute_without_its_trailing_blanks) {
        _cleanup_free_ char *value = NULL;

        fake_root_write("sys/class/nvme/nvme0/serial", "S3RIAL 1          \n");
        cr_assert(eq(int, file_read_at(root_fd, "sys/class/nvme/nvme0", "serial", &value), 0));
        cr_expect(eq(str, value, "S3RIAL 1"));
}

Test(file, returns_the_error_and_leaves_the_result_alone) {
        char *value = NULL;

        fake_root_write_binary("binary", "a\0b", 3);
        fake_root_write("directory/file", "");
        cr_expect(eq(int, file_read(root_fd, "missing", &value), -ENOENT));
        cr_expect(eq(int, file_read(root_fd, "binary", &value), -EINVAL));
        cr_expect(eq(int, file_read(root_fd, "directory", &value), -EISDIR));
        cr_expect(eq(int, file_read_all(root_fd, "binary", 100, &value), -EINVAL));
        cr_expect(eq(int, file_link_name(root_fd, "directory", "file", &value), -EINVAL));
        cr_expect(eq(ptr, value, NULL));
}

Test(file, reads_an_empty_attribute) {
        _cleanup_free_ char *value = NULL;

        fake_root_write("empty", "");
        cr_assert(eq(int, file_read(root_fd, "empty", &value), 0));
        cr_expect(eq(str, value, ""));
}

Test(file, reads_a_drives_string_printable_and_cut) {
        char text[8] = "before";

        fake_root_write("model", " \x1b[2J Drive \n");
        cr_assert(eq(int, file_read_printable(root_fd, "model", text, sizeof(text)), 0));
        cr_expect(eq(str, text, "?[2J Dr"));
        cr_assert(eq(int, file_read_printable(root_fd, "missing", text, sizeof(text)), -ENOENT));
        cr_expect(eq(str, text, ""));
}

Test(file, reads_whole_tables_up_to_a_limit) {
        static char table[100000];
        _cleanup_free_ char *text = NULL;

        memset(table, 'x', sizeof(table) - 1);
        fake_root_write("proc/table", table);
        cr_assert(eq(int, file_read_all(root_fd, "proc/table", sizeof(table), &text), 0));
        cr_expect(eq(sz, strlen(text), sizeof(table) - 1));
        cr_expect(eq(int, file_read_all(root_fd, "proc/table", sizeof(table) - 2, &text), -EFBIG));
}

Test(file, does_not_wait_for_a_writer_of_a_pipe) {
        char *value = NULL;

        cr_assert(eq(int, mkfifo(fake_root_path("pipe"), 0600), 0));
        cr_expect(eq(int, file_read(root_fd, "pipe", &value), 0));
        cr_expect(eq(str, value, ""));
        free(value);
}

Test(file, reads_the_last_component_of_a_link) {
        _cleanup_free_ char *name = NULL;

        fake_root_link("sys/bus/pci/devices/0000:01:00.0/driver", "../../drivers/nvme");
        cr_assert(eq(int,
                     file_link_name(root_fd, "sys/bus/pci/devices/0000:01:00.0", "driver", &name),
                     0));
        cr_expect(eq(str, name, "nvme"));
}

Test(file, parses_device_numbers_and_nothing_else) {
        static const char *const bad[] = { "",     ":",    "1",    "1:",   ":1",
                                           "-1:2", "1:-2", "1:2x", "x1:2", "99999999999:1",
                                           "1: 2" };
        dev_t devnum = 0;

        cr_expect(eq(int, parse_devnum("259:7", &devnum), 0));
        cr_expect(devnum == makedev(259, 7));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                cr_expect(eq(int, parse_devnum(bad[i], &devnum), -EINVAL), "%s", bad[i]);
        cr_expect(devnum == makedev(259, 7));
}

Test(file, writes_with_one_write_and_reports_failure) {
        _cleanup_free_ char *text = NULL;

        fake_root_write("sys/unbind", "");
        cr_expect(eq(int, file_write(root_fd, "sys/unbind", "0000:01:00.0"), 0));
        text = fake_root_read("sys/unbind");
        cr_expect(eq(str, text, "0000:01:00.0"));
        cr_expect(eq(int, file_write(root_fd, "sys/bind", "0000:01:00.0"), -ENOENT));
        cr_expect(eq(int, file_write(root_fd, "sys", "0000:01:00.0"), -EISDIR));
}
