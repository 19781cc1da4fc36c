/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The links are those that Linux 6.1 shows; the guarded controller is 0000:01:00.0. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fake_root.h"
#include "inuse/mount_guard.h"
#include "mock_nodes.h"

#define ADDRESS "0000:01:00.0"
#define CONTROLLER "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0"
#define OTHER "../../devices/pci0000:00/0000:00:02.0/0000:02:00.0/nvme/nvme1"
#define MOUNTINFO "proc/self/mountinfo"

static char why[200];

static void mount_line(const char *line) {
        char *old = fake_root_read(MOUNTINFO), *text = NULL;

        cr_assert(gt(int, asprintf(&text, "%s%s\n", old, line), 0));
        fake_root_write(MOUNTINFO, text);
        free(old);
        free(text);
}

static void setup(void) {
        fake_root_start();
        fake_root_write(MOUNTINFO, "21 1 0:20 / / rw shared:1 - tmpfs tmpfs rw\n"
                                   "22 21 0:21 / /proc rw,nosuid - proc proc rw\n");
        fake_root_write("dev/null", "");
        fake_root_link("sys/dev/block/259:0", CONTROLLER "/nvme0n1");
        fake_root_link("sys/dev/block/259:1", CONTROLLER "/nvme0n1/nvme0n1p1");
        fake_root_link("sys/dev/block/259:2", OTHER "/nvme1n1");
        fake_root_write("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0/nvme0n1/"
                        "nvme0n1p1/partition",
                        "1\n");
        fake_root_write("sys/devices/pci0000:00/0000:00:02.0/0000:02:00.0/nvme/nvme1/nvme1n1/dev",
                        "259:2\n");
}

static void teardown(void) {
        mock_nodes_forget();
        fake_root_done();
}

TestSuite(mount_guard, .init = setup, .fini = teardown, .timeout = 10);

static int ask_guard(void) {
        return mount_guard(root_fd, ADDRESS, why, sizeof(why));
}

/* An md or dm device of that name and number, on top of the device with the number below. */
static void add_stacked(const char *name, const char *number, const char *below) {
        char path[200], target[200];

        (void) snprintf(path, sizeof(path), "sys/dev/block/%s", number);
        (void) snprintf(target, sizeof(target), "../../devices/virtual/block/%s", name);
        fake_root_link(path, target);
        (void) snprintf(path, sizeof(path), "sys/devices/virtual/block/%s/slaves/x/dev", name);
        fake_root_write(path, below);
}

Test(mount_guard, allows_a_controller_without_mounts) {
        cr_expect(eq(int, ask_guard(), 0));
}

Test(mount_guard, sees_a_partition_that_is_mounted) {
        mount_line("40 21 259:1 / / rw,relatime shared:9 master:2 - ext4 /dev/root rw");
        cr_expect(eq(int, ask_guard(), 1));
        cr_expect(eq(str, why, "a block device on this controller is mounted on /"));
}

Test(mount_guard, sees_the_whole_disk) {
        mount_line("40 21 259:0 / /srv rw - ext4 /dev/nvme0n1 rw");
        cr_expect(eq(int, ask_guard(), 1));
}

Test(mount_guard, knows_one_controller_from_the_other) {
        mount_line("40 21 259:2 / /usr rw - ext4 /dev/nvme1n1 rw");
        cr_expect(eq(int, ask_guard(), 0));
        cr_expect(eq(int, mount_guard(root_fd, "0000:02:00.0", why, sizeof(why)), 1));
}

/* "0000:01:00.0" is part of "10000:01:00.0", and a bridge's address is part of the path. */
Test(mount_guard, compares_whole_addresses) {
        mount_line("40 21 259:0 / /srv rw - ext4 /dev/nvme0n1 rw");
        cr_expect(eq(int, mount_guard(root_fd, "000:01:00.0", why, sizeof(why)), 0));
        cr_expect(eq(int, mount_guard(root_fd, "0000:01:00", why, sizeof(why)), 0));
}

Test(mount_guard, goes_down_through_md_and_dm) {
        add_stacked("md0", "9:0", "259:1\n");
        add_stacked("dm-3", "253:3", "9:0\n");
        mount_line("40 21 253:3 / /usr rw - xfs /dev/mapper/vg-usr rw");
        cr_expect(eq(int, ask_guard(), 1));
}

Test(mount_guard, finds_the_disk_of_an_md_partition) {
        add_stacked("md0", "9:0", "259:1\n");
        fake_root_link("sys/dev/block/259:9", "../../devices/virtual/block/md0/md0p1");
        fake_root_write("sys/devices/virtual/block/md0/md0p1/partition", "1\n");
        mount_line("40 21 259:9 / / rw - xfs /dev/md0p1 rw");
        cr_expect(eq(int, ask_guard(), 1));
}

static void add_head(void) {
        fake_root_link("sys/dev/block/259:7",
                       "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n2");
        fake_root_write("sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n2/dev", "259:7\n");
        fake_root_link("sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme1",
                       "../../../pci0000:00/0000:00:02.0/0000:02:00.0/nvme/nvme1");
        mount_line("40 21 259:7 / / rw - xfs /dev/nvme0n2 rw");
}

Test(mount_guard, knows_all_controllers_of_a_multipath_head) {
        add_head();
        cr_expect(eq(int, ask_guard(), 0));
        fake_root_link("sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
                       "../../../pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0");
        cr_expect(eq(int, ask_guard(), 1));
}

/* Each controller of a subsystem may have namespaces of its own. */
Test(mount_guard, a_head_leads_to_the_controllers_that_have_a_path) {
        add_head();
        fake_root_link("sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
                       "../../../pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0");
        fake_root_write("sys/devices/pci0000:00/0000:00:02.0/0000:02:00.0/nvme/nvme1/"
                        "nvme0c1n2/size",
                        "1\n");
        cr_expect(eq(int, ask_guard(), 0));
        cr_expect(eq(int, mount_guard(root_fd, "0000:02:00.0", why, sizeof(why)), 1));
        fake_root_write("sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0/"
                        "nvme0c0n2/size",
                        "1\n");
        cr_expect(eq(int, ask_guard(), 1));
}

/* The path belongs to another mount namespace: only the loop driver knows the disk. */
Test(mount_guard, asks_a_loop_device_what_it_stands_on) {
        mock_nodes_add("loop0", S_IFBLK, makedev(7, 0));
        fake_root_link("sys/dev/block/7:0", "../../devices/virtual/block/loop0");
        fake_root_write("sys/devices/virtual/block/loop0/dev", "7:0\n");
        fake_root_write("sys/devices/virtual/block/loop0/loop/backing_file", "/ (deleted)\n");
        mount_line("40 21 7:0 / /mnt ro - squashfs /dev/loop0 ro");
        cr_expect(eq(int, ask_guard(), 0));
        mock_nodes_set_backing("loop0", makedev(259, 0));
        cr_expect(eq(int, ask_guard(), 1));
        mock_nodes_fail_backing("loop0", EPERM);
        cr_expect(eq(int, ask_guard(), -EPERM));
}

Test(mount_guard, asks_the_disk_of_a_loop_devices_partition) {
        mock_nodes_add("loop0", S_IFBLK, makedev(7, 0));
        fake_root_link("sys/dev/block/259:9", "../../devices/virtual/block/loop0/loop0p1");
        fake_root_write("sys/devices/virtual/block/loop0/loop0p1/partition", "1\n");
        fake_root_write("sys/devices/virtual/block/loop0/dev", "7:0\n");
        fake_root_write("sys/devices/virtual/block/loop0/loop/backing_file", "/xvdb\n");
        mount_line("40 21 259:9 / /mnt ro - ext4 /dev/loop0p1 ro");
        mock_nodes_set_backing("loop0", makedev(259, 0));
        cr_expect(eq(int, ask_guard(), 1));
}

Test(mount_guard, asks_the_source_of_a_mount_with_an_anonymous_number) {
        mock_nodes_add("nvme0n1", S_IFBLK, makedev(259, 0));
        mount_line("40 21 0:77 /@ / rw - btrfs /dev/nvme0n1 rw");
        cr_expect(eq(int, ask_guard(), 1));
        cr_expect(eq(str, why, "/dev/nvme0n1 on this controller is mounted on /"));
}

Test(mount_guard, knows_each_member_of_a_mounted_btrfs) {
        fake_root_write("sys/fs/btrfs/features/skinny_metadata", "0\n");
        fake_root_write("sys/fs/btrfs/0815/devices/nvme1n1/dev", "259:2\n");
        cr_expect(eq(int, ask_guard(), 0));
        fake_root_write("sys/fs/btrfs/0815/devices/nvme0n1/dev", "259:0\n");
        cr_expect(eq(int, ask_guard(), 1));
        cr_expect(eq(str, why, "it has a member of the mounted btrfs 0815"));
}

Test(mount_guard, a_mount_whose_device_is_gone_leads_nowhere) {
        mount_line("40 21 259:33 / /mnt rw - ext4 /dev/nvme9n1 rw");
        cr_expect(eq(int, ask_guard(), 0));
}

/* inuse_mark() reads the same line: a '-' among its first six fields is no separator. */
Test(mount_guard, the_separator_follows_the_six_fields) {
        fake_root_write(MOUNTINFO, "36 1 0:33 / /mnt - a b - btrfs /dev/nvme0n1 rw\n");
        mock_nodes_add("nvme0n1", S_IFBLK, makedev(259, 0));
        cr_expect(eq(int, ask_guard(), 1));
        fake_root_write(MOUNTINFO, "36 1 0:33 / /mnt\n");
        cr_expect(eq(int, ask_guard(), -EBADMSG));
        fake_root_write(MOUNTINFO, "36 1 0:33 - /mnt\n");
        cr_expect(eq(int, ask_guard(), -EBADMSG));
        fake_root_write(MOUNTINFO, "36 1 0:33 / /mnt rw btrfs /dev/nvme0n1 rw\n");
        cr_expect(eq(int, ask_guard(), -EBADMSG));
}

/* The program of a FUSE file system chooses the subtype, and a user the name of a directory. */
Test(mount_guard, only_blanks_end_a_word) {
        static const char *const lines[] = {
                "36 1 0:33 / /mnt rw - fuse.a\rb /dev/nvme0n1 rw\n",
                "36 1 0:33 / /mnt\rb - x y - btrfs /dev/nvme0n1 rw\n",
                "36 1 0:33 /a\t\tb /mnt - - btrfs /dev/nvme0n1 rw\n",
                "36 1 0:33 / /mnt\t\tb - x y - btrfs /dev/nvme0n1 rw\n",
        };

        mock_nodes_add("nvme0n1", S_IFBLK, makedev(259, 0));
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                fake_root_write(MOUNTINFO, lines[i]);
                cr_expect(eq(int, ask_guard(), 1), "%s", lines[i]);
        }
}

Test(mount_guard, a_table_that_can_not_be_read_is_an_error) {
        mount_line("40 21 nonsense / /mnt rw - ext4 /dev/nvme9n1 rw");
        cr_expect(eq(int, ask_guard(), -EBADMSG));
        fake_root_write(MOUNTINFO, "");
        cr_expect(eq(int, ask_guard(), -ENODATA));
        fake_root_remove(MOUNTINFO);
        cr_expect(eq(int, ask_guard(), -ENOENT));
}

Test(mount_guard, ends_where_devices_stand_on_themselves) {
        add_stacked("md0", "9:0", "9:0\n");
        mount_line("40 21 9:0 / /mnt rw - ext4 /dev/md0 rw");
        cr_expect(eq(int, ask_guard(), -ELOOP));
}
