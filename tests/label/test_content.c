/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What udev found, by its database mocked by umockdev, and by a recorded machine. */

#include "label/content.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/sysmacros.h>

#include "base/recorded.h"
#include "mock_nvme.h"

static const char *disk;

static void setup(void) {
        mock_start();
        disk = mock_add_namespace(
                mock_add_nvme(mock_add_host_bridge(NULL, "pci0000:00"), "0000:00:01.0", "nvme0"),
                "nvme0n1");
}

TestSuite(content, .init = setup, .fini = mock_stop, .timeout = 20);

static void expect_kind(const char *name, const char *expected) {
        const Block block = { .name = (char *) name, .devnum = mock_devnum(name) };
        char *kind = NULL;

        cr_expect(eq(int, content_read(root_fd, &block, &kind, NULL), expected ? 0 : -ENODATA));
        if (expected)
                cr_expect(eq(str, kind, (char *) expected));
        free(kind);
}

Test(content, is_the_one_that_udev_found) {
        mock_udev_found(disk, "ID_FS_TYPE", "zfs_member");
        mock_udev_found(disk, "ID_PART_ENTRY_TYPE", "0xfd");
        expect_kind("nvme0n1", "zfs_member");
}

Test(content, bears_the_name_that_udev_found) {
        const Block block = { .name = (char *) "nvme0n1", .devnum = mock_devnum("nvme0n1") };
        _cleanup_free_ char *kind = NULL, *label = NULL;

        mock_udev_found(disk, "ID_FS_TYPE", "zfs_member");
        cr_assert(eq(int, content_read(root_fd, &block, &kind, &label), 0));
        cr_expect(label == NULL);
        mock_udev_found(disk, "ID_FS_LABEL", "tank");
        free(TAKE_PTR(kind));
        cr_assert(eq(int, content_read(root_fd, &block, &kind, &label), 0));
        cr_expect(eq(str, label, (char *) "tank"));
}

Test(content, is_else_the_one_that_the_partition_is_for) {
        const char *partition = mock_add_partition(disk, "nvme0n1p1");

        mock_udev_found(partition, "ID_PART_ENTRY_TYPE", "a19d880f-05fc-4d3b-a006-743f0f84911e");
        expect_kind("nvme0n1p1", "linux_raid_member");
}

Test(content, is_not_known_of_a_partition_of_any_other_type) {
        const char *partition = mock_add_partition(disk, "nvme0n1p1");

        mock_udev_found(partition, "ID_PART_ENTRY_TYPE", "0x83");
        expect_kind("nvme0n1p1", NULL);
}

Test(content, is_not_known_where_udev_found_nothing) {
        const Block gone = { .name = (char *) "nvme9n1", .devnum = makedev(259, 999) };
        const Block numberless = { .name = (char *) "nvme9n1" };
        char *kind;

        expect_kind("nvme0n1", NULL);
        cr_expect(eq(int, content_read(root_fd, &gone, &kind, NULL), -ENODATA));
        cr_expect(eq(int, content_read(root_fd, &numberless, &kind, NULL), -ENODATA));
}

/* The live database knows other devices by the same numbers. */
Test(content, of_a_recorded_machine_is_the_recorded_one) {
        int fd;

        mock_udev_found(disk, "ID_FS_TYPE", "ext4");
        fake_root_write("recorded/dev/nvme0n1", "block 259:0\ncontent drbd\033[1m\n");
        fake_root_write("recorded/dev/nvme1n1", "block 259:0\n");
        fd = recorded_open_root(fake_root_path("recorded"));
        for (unsigned i = 0; i < 3; i++) {
                static const char *const expected[] = { "drbd?[1m", NULL, NULL };
                const Block block = { .name = (char *[]){ "nvme0n1", "nvme1n1", "nvme2n1" }[i],
                                      .devnum = mock_devnum("nvme0n1") };
                char *kind = NULL;

                cr_expect(
                        eq(int, content_read(fd, &block, &kind, NULL), expected[i] ? 0 : -ENODATA));
                if (expected[i])
                        cr_expect(eq(str, kind, (char *) expected[i]));
                free(kind);
        }
        (void) close(fd);
}
