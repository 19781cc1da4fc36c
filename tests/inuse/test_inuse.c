/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, trees and claims: which drives are in use, why, and which are when in doubt. */

#include "inuse/inuse.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/sysmacros.h>

#include "mock_nvme.h"
#include "tree/device_tree.h"

/* Two drives: nvme0 with two partitions, nvme1 without any. */
static void two_drives(void) {
        const char *host, *disk;

        mock_start();
        host = mock_add_host_bridge(NULL, "pci0000:00");
        disk = mock_add_namespace(mock_add_nvme(host, "0000:00:04.0", "nvme0"), "nvme0n1");
        mock_add_partition(disk, "nvme0n1p1");
        mock_add_partition(disk, "nvme0n1p2");
        mock_add_namespace(mock_add_nvme(host, "0000:00:05.0", "nvme1"), "nvme1n1");
}

TestSuite(inuse, .init = two_drives, .fini = mock_stop, .timeout = 20);

static const InuseOptions with_claim = { .claim = true };
static const InuseOptions tables_only = {};

static Topology read_and_mark(const InuseOptions *options) {
        Topology topology = TOPOLOGY_INIT;

        cr_assert(eq(int, device_tree_read(root_fd, &topology), 0));
        cr_assert(eq(int, inuse_mark(root_fd, options, &topology), 0));
        return topology;
}

static const Use *use_of(const Topology *topology, const char *controller) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Controller *c = topology->devices[i].controller;

                if (c && STREQ(c->name, controller))
                        return &c->use;
        }
        cr_fatal("no controller %s", controller);
        return NULL;
}

/* detail: part of the text; NULL: no detail. */
static void expect_use(const Topology *topology, const char *controller, UseKind kind,
                       const char *detail) {
        const Use *use = use_of(topology, controller);

        cr_expect(
                eq(str, (char *) use_kind_to_string(use->kind), (char *) use_kind_to_string(kind)),
                "%s: %s (%s)", controller, use_kind_to_string(use->kind), use->detail ?: "-");
        if (detail)
                cr_expect(use->detail && strstr(use->detail, detail), "%s: %s", controller,
                          use->detail ?: "-");
        else
                cr_expect(eq(ptr, use->detail, NULL), "%s: %s", controller, use->detail);
}

static void expect_both(const InuseOptions *options, UseKind first, const char *first_detail,
                        UseKind second, const char *second_detail) {
        Topology topology = read_and_mark(options);

        expect_use(&topology, "nvme0", first, first_detail);
        expect_use(&topology, "nvme1", second, second_detail);
        topology_done(&topology);
}

Test(inuse, idle) {
        expect_both(&with_claim, USE_NONE, NULL, USE_NONE, NULL);
        cr_expect(eq(uint, mock_count_opens("nvme0n1"), 1));
        cr_expect(eq(uint, mock_count_opens("nvme0n1p1"), 0));
        expect_both(&tables_only, USE_NONE, NULL, USE_NONE, NULL);
        cr_expect(eq(uint, mock_count_opens("nvme0n1"), 1));
}

Test(inuse, nothing_to_mark) {
        Topology topology = TOPOLOGY_INIT;

        cr_expect(eq(int, inuse_mark(root_fd, &with_claim, &topology), 0));
        topology_done(&topology);
}

Test(inuse, mount_of_a_partition_and_of_a_disk) {
        mock_mount("nvme0n1p2", "/srv", "ext4");
        mock_mount("nvme1n1", "/usr/local", "xfs");
        expect_both(&with_claim, USE_MOUNT, "/dev/nvme0n1p2 is mounted on /srv", USE_MOUNT,
                    "/dev/nvme1n1 is mounted on /usr/local");
        cr_expect(eq(uint, mock_count_opens("nvme0n1"), 0),
                  "its mount is known: need not be opened");
}

static void mount_from(const char *source, const char *node, const char *point) {
        char line[128];
        dev_t devnum = mock_devnum(node);

        snprintf(line, sizeof(line), "50 21 %u:%u / %s ro - ext4 %s ro\n", major(devnum),
                 minor(devnum), point, source);
        fake_root_append("proc/self/mountinfo", line);
}

Test(inuse, mount_is_found_by_number_alone) {
        mount_from("/dev/root", "nvme1n1", "/srv");
        expect_both(&tables_only, USE_NONE, NULL, USE_MOUNT, "/dev/nvme1n1 is mounted on /srv");
}

/* systemd 253+ moves busy mounts: only the number can be trusted, neither path nor source. In an
 * exitrd the mounts are below the old root. */
Test(inuse, mount_that_systemd_shutdown_has_moved) {
        mount_from("/dev/root", "nvme0n1p1", "/oldroot/run/shutdown/mounts/00c0ffee00c0ffee");
        mount_from("/dev/root", "nvme1n1", "/run/shutdown/mounts/00c0ffee00c0ffee");
        expect_both(&tables_only, USE_MOUNT,
                    "/dev/nvme0n1p1 is mounted, systemd-shutdown could not unmount it", USE_MOUNT,
                    "/dev/nvme1n1 is mounted, systemd-shutdown could not unmount it");
}

Test(inuse, root_and_usr) {
        mock_mount("nvme0n1p1", "/", "ext4");
        mock_mount("nvme1n1", "/usr", "ext4");
        expect_both(&tables_only, USE_ROOT, "/dev/nvme0n1p1 is mounted on /", USE_ROOT,
                    "/dev/nvme1n1 is mounted on /usr");
}

Test(inuse, root_wins_over_another_mount_of_the_same_drive) {
        mock_mount("nvme0n1p1", "/boot/efi", "vfat");
        mock_mount("nvme0n1p2", "/", "ext4");
        mock_swap("/dev/nvme0n1p1", "partition");
        expect_both(&tables_only, USE_ROOT, "mounted on /", USE_NONE, NULL);
}

Test(inuse, escapes_in_a_mount_point) {
        mock_mount("nvme0n1p1", "/a\\040b\\134c\\012d", "ext4");
        expect_both(&tables_only, USE_MOUNT, "mounted on /a b\\c\\012d", USE_NONE, NULL);
}

Test(inuse, root_on_lvm_on_md) {
        mock_add_holder("md0", "nvme0n1p1", "nvme1n1", NULL);
        mock_add_holder("dm-0", "md0", NULL);
        mock_mount("dm-0", "/", "ext4");
        expect_both(&with_claim, USE_ROOT, "/dev/dm-0 is mounted on /", USE_ROOT, "mounted on /");
}

Test(inuse, holder_without_a_mount) {
        mock_add_holder("md0", "nvme1n1", NULL);
        mock_add_holder("dm-0", "md0", NULL);
        expect_both(&with_claim, USE_NONE, NULL, USE_HOLDER, "/dev/nvme1n1 is held by md0");
        cr_expect(eq(uint, mock_count_opens("nvme1n1"), 0));
}

Test(inuse, holders_in_a_circle) {
        mock_add_holder("dm-0", "nvme1n1", NULL);
        mock_add_holder("dm-1", "dm-0", NULL);
        fake_root_link("sys/class/block/dm-1/holders/dm-0", "x");
        expect_both(&with_claim, USE_NONE, NULL, USE_HOLDER, "/dev/nvme1n1 is held by dm-0");
}

Test(inuse, mount_of_a_loop_on_a_raw_device) {
        mock_add_loop("loop3", "/dev/nvme1n1");
        mock_loop_stands_on("loop3", "nvme1n1");
        expect_both(&tables_only, USE_NONE, NULL, USE_HOLDER, "/dev/nvme1n1 is held by loop3");
        mock_mount("loop3", "/mnt", "ext4");
        expect_both(&tables_only, USE_NONE, NULL, USE_MOUNT, "/dev/loop3 is mounted on /mnt");
}

/* btrfs and the like have an anonymous device number. The source is a path, maybe a link. */
Test(inuse, anonymous_mount_by_its_source) {
        fake_root_link("dev/disk/by-uuid/1234", "../../nvme1n1");
        mock_mount_anonymous("/dev/disk/by-uuid/1234", "/srv", "btrfs");
        mock_mount_anonymous("/dev/nvme0n1p9", "/x", "btrfs");
        mock_mount_anonymous("pool/data", "/y", "zfs");
        mock_mount_anonymous("", "/z", "overlay");
        expect_both(&tables_only, USE_NONE, NULL, USE_MOUNT, "/dev/nvme1n1 is mounted on /srv");
}

Test(inuse, btrfs_of_two_members) {
        mock_add_btrfs("6c1d", "nvme0n1p1", "nvme1n1", NULL);
        fake_root_mkdir("sys/fs/btrfs/features");
        mock_mount_anonymous("/dev/nvme0n1p1", "/srv", "btrfs");
        expect_both(&tables_only, USE_MOUNT, "/srv", USE_BTRFS,
                    "/dev/nvme1n1 is a member of a mounted btrfs");
}

/* One member is on another kind of disk, and the mount names that one. */
Test(inuse, btrfs_root_of_two_members) {
        mock_add_namespace("sys/devices/virtual/block", "sda");
        mock_add_btrfs("6c1d", "sda", "nvme1n1", NULL);
        mock_add_btrfs("7e2f", "nvme0n1p1", NULL);
        mock_mount_anonymous("/dev/sda", "/", "btrfs");
        expect_both(&tables_only, USE_BTRFS, "a mounted btrfs", USE_ROOT, "the root's btrfs");
}

Test(inuse, btrfs_root_of_unknown_source) {
        mock_add_btrfs("6c1d", "nvme1n1", NULL);
        mock_mount_anonymous("/dev/root", "/", "btrfs");
        expect_both(&tables_only, USE_NONE, NULL, USE_ROOT, "the root's btrfs");
}

Test(inuse, btrfs_that_cannot_be_listed) {
        fake_root_link("sys/fs/btrfs", "btrfs"); /* ELOOP */
        expect_both(&tables_only, USE_UNKNOWN, "/sys/fs/btrfs: ", USE_UNKNOWN, "/sys/fs/btrfs: ");
}

Test(inuse, swaps) {
        mock_add_holder("dm-1", "nvme1n1", NULL);
        mock_swap("/dev/nvme0n1p2", "partition");
        mock_swap("/dev/dm-1", "partition");
        mock_swap("/var/swap\\040file", "file");
        expect_both(&tables_only, USE_SWAP, "/dev/nvme0n1p2 is used as swap", USE_SWAP,
                    "/dev/dm-1 is used as swap");
}

Test(inuse, swap_through_a_link_and_on_a_deleted_node) {
        fake_root_link("dev/mapper/my swap", "../nvme0n1p1");
        mock_swap("/dev/mapper/my\\040swap", "partition");
        mock_rename_node("nvme1n1", "elsewhere");
        mock_swap("/dev/nvme1n1\\040(deleted)", "partition");
        expect_both(&tables_only, USE_SWAP, "/dev/nvme0n1p1 is used as swap", USE_SWAP,
                    "/dev/nvme1n1 is used as swap");
}

Test(inuse, swap_that_cannot_be_found) {
        mock_swap("/dev/mapper/gone", "partition");
        expect_both(&tables_only, USE_UNKNOWN, "/dev/mapper/gone", USE_UNKNOWN, "/dev/mapper/gone");
}

Test(inuse, kernel_without_swap) {
        fake_root_remove("proc/swaps");
        expect_both(&tables_only, USE_NONE, NULL, USE_NONE, NULL);
}

Test(inuse, unreadable_swaps) {
        fake_root_remove("proc/swaps");
        fake_root_mkdir("proc/swaps");
        expect_both(&tables_only, USE_UNKNOWN, "/proc/swaps: Is a directory", USE_UNKNOWN,
                    "/proc/swaps: Is a directory");
}

Test(inuse, garbled_swaps) {
        fake_root_append("proc/swaps", "/dev/nvme0n1p1\n");
        expect_both(&tables_only, USE_UNKNOWN, "/proc/swaps:2", USE_UNKNOWN, "/proc/swaps:2");
        fake_root_write("proc/swaps", "");
        expect_both(&tables_only, USE_UNKNOWN, "/proc/swaps:1", USE_UNKNOWN, "/proc/swaps:1");
}

Test(inuse, missing_mountinfo) {
        fake_root_remove("proc/self/mountinfo");
        expect_both(&tables_only, USE_UNKNOWN, "/proc/self/mountinfo: No such file", USE_UNKNOWN,
                    "/proc/self/mountinfo: No such file");
}

Test(inuse, empty_or_binary_mountinfo) {
        fake_root_write("proc/self/mountinfo", "");
        expect_both(&tables_only, USE_UNKNOWN, "mountinfo is empty", USE_UNKNOWN, "is empty");
        fake_root_write_binary("proc/self/mountinfo", "1 2\0 3", 7);
        expect_both(&tables_only, USE_UNKNOWN, "/proc/self/mountinfo: ", USE_UNKNOWN, "mountinfo");
}

/* The lines that can be read still count; the others make every other drive doubtful. */
Test(inuse, garbled_mountinfo) {
        static const char *const lines[] = {
                "garbage\n",
                "1 2 3:4 / /p rw\n",
                "1 2 3:4 / /p rw -\n",
                "1 2 3:4 / /p rw - ext4\n",
                "1 2 34 / /p rw - ext4 /dev/x rw\n",
                "1 2 3:4 / p rw - ext4 /dev/x rw\n",
                "1 2 3:4:5 / /p rw - ext4 /dev/x rw\n",
                "\n\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                fake_root_write("proc/self/mountinfo", lines[i]);
                mock_mount("nvme0n1p1", "/srv", "ext4");
                expect_both(&tables_only, USE_MOUNT, "/srv", USE_UNKNOWN, "mountinfo:1");
        }
        fake_root_write("proc/self/mountinfo", "1 2 3:4 / /p");
        expect_both(&tables_only, USE_UNKNOWN, "mountinfo:1", USE_UNKNOWN, "mountinfo:1");
}

Test(inuse, paths_of_ten_thousand_characters) {
        char path[10001];

        memset(path, 'x', sizeof(path) - 1);
        path[sizeof(path) - 1] = '\0';
        memcpy(path, "/dev/", 5);
        mock_mount("nvme0n1p1", path, "ext4");
        mock_mount_anonymous(path, path, "btrfs");
        mock_add_loop("loop0", path);
        fake_root_write("sys/kernel/config/nvmet/subsystems/n/namespaces/1/device_path", path + 5);
        expect_both(&with_claim, USE_MOUNT, path, USE_NONE, NULL);
        mock_swap(path, "partition");
        expect_both(&with_claim, USE_MOUNT, path, USE_UNKNOWN, "swap on /dev/xxx");
}

Test(inuse, exports) {
        fake_root_link("dev/disk/by-id/drive", "../../nvme0n1p2");
        fake_root_write("sys/kernel/config/nvmet/subsystems/nqn.x/namespaces/7/device_path",
                        "/dev/disk/by-id/drive\n");
        fake_root_write("sys/kernel/config/nvmet/subsystems/nqn.x/namespaces/8/device_path",
                        "(null)\n");
        fake_root_write("sys/kernel/config/nvmet/subsystems/nqn.x/namespaces/9/device_path",
                        "/srv/image\n");
        fake_root_write("srv/image", "");
        fake_root_write("sys/kernel/config/target/core/alua/x", "");
        fake_root_write("sys/kernel/config/target/core/iblock_0/hba_info", "");
        fake_root_write("sys/kernel/config/target/core/iblock_0/disk/udev_path", "/dev/nvme1n1\n");
        fake_root_write("sys/kernel/config/target/core/iblock_0/other/udev_path", "\n");
        expect_both(&with_claim, USE_TARGET, "/dev/nvme0n1p2 is exported by /sys/kernel",
                    USE_TARGET,
                    "/dev/nvme1n1 is exported by /sys/kernel/config/target/core/iblock_0/disk");
}

Test(inuse, export_of_a_controller) {
        fake_root_write("sys/kernel/config/nvmet/subsystems/nqn.x/passthru/device_path",
                        "/dev/nvme1\n");
        expect_both(&tables_only, USE_NONE, NULL, USE_TARGET, "nvme1");
}

Test(inuse, export_that_cannot_be_found) {
        fake_root_write("sys/kernel/config/nvmet/subsystems/n/namespaces/1/device_path",
                        "/dev/gone\n");
        expect_both(&tables_only, USE_UNKNOWN, "exported /dev/gone", USE_UNKNOWN, "/dev/gone");
}

#define FILEIO "sys/kernel/config/target/core/fileio_0/disk/info"
#define STATUS \
        "Status: ACTIVATED  Max Queue Depth: 0  SectorSize: 512\n        TCM FILEIO ID: 0        "

/* Set up without udev_path; the kernel opens it without a claim. */
Test(inuse, export_by_lio_fileio) {
        fake_root_write("sys/kernel/config/target/core/fileio_0/disk/udev_path", "\n");
        fake_root_write(FILEIO,
                        STATUS "File: /dev/nvme1n1  Size: 67108864  Mode: O_DSYNC Async: 0\n");
        expect_both(
                &tables_only, USE_NONE, NULL, USE_TARGET,
                "/dev/nvme1n1 is exported by /sys/kernel/config/target/core/fileio_0/disk/info");
        fake_root_write("srv/a  Size: 1", "");
        fake_root_write(FILEIO,
                        STATUS "File: /srv/a  Size: 1  Size: 67108864  Mode: O_DSYNC Async: 0\n");
        expect_both(&tables_only, USE_NONE, NULL, USE_NONE, NULL);
        fake_root_write(FILEIO, STATUS "File: /dev/nvme1n1\n");
        expect_both(&tables_only, USE_UNKNOWN, "not understood", USE_UNKNOWN, "not understood");
        fake_root_write(FILEIO, "Status: DEACTIVATED\n");
        expect_both(&tables_only, USE_NONE, NULL, USE_NONE, NULL);
}

/* A node outside of /dev, made or bind mounted there. */
Test(inuse, export_of_a_node_elsewhere) {
        fake_root_link("srv/xvdb", "../dev/nvme1n1");
        fake_root_write("sys/kernel/config/nvmet/subsystems/n/namespaces/1/device_path",
                        "/srv/xvdb\n");
        expect_both(&tables_only, USE_NONE, NULL, USE_TARGET, "/dev/nvme1n1 is exported by");
        fake_root_remove("srv/xvdb");
        expect_both(&tables_only, USE_UNKNOWN, "exported /srv/xvdb: No such file", USE_UNKNOWN,
                    "exported /srv/xvdb");
}

Test(inuse, export_by_rnbd) {
        fake_root_link("sys/class/rnbd-server/ctl/devices/nvme1n1/block_dev", "../x/block/nvme1n1");
        fake_root_link("sys/class/rnbd-server/ctl/devices/nvme0n1p2/block_dev",
                       "../x/block/nvme0n1");
        expect_both(&tables_only, USE_TARGET, "/dev/nvme0n1", USE_TARGET,
                    "/dev/nvme1n1 is exported by /sys/class/rnbd-server/ctl/devices/nvme1n1");
}

Test(inuse, export_by_a_usb_gadget) {
        fake_root_write("sys/kernel/config/usb_gadget/g1/functions/mass_storage.0/lun.0/file",
                        "/dev/nvme1n1\n");
        fake_root_write("sys/class/udc/x/device/gadget.0/lun0/file", "/dev/nvme0n1p1\n");
        expect_both(&tables_only, USE_TARGET, "/dev/nvme0n1p1", USE_TARGET, "/dev/nvme1n1");
}

Test(inuse, heartbeat_of_ocfs2) {
        fake_root_write("sys/kernel/config/cluster/c/heartbeat/0815/dev", "nvme1n1\n");
        expect_both(&tables_only, USE_NONE, NULL, USE_TARGET, "/dev/nvme1n1");
}

Test(inuse, export_by_scst) {
        fake_root_write("sys/kernel/scst_tgt/devices/d/filename", "/dev/nvme1n1\n[key]\n");
        expect_both(&tables_only, USE_NONE, NULL, USE_TARGET, "/dev/nvme1n1");
}

Test(inuse, export_to_a_xen_guest) {
        dev_t devnum = mock_devnum("nvme1n1");
        char text[32];

        (void) snprintf(text, sizeof(text), "%x:%x\n", major(devnum), minor(devnum));
        fake_root_write("sys/bus/xen-backend/devices/vbd-1-51712/physical_device", text);
        expect_both(&tables_only, USE_NONE, NULL, USE_TARGET, "/dev/nvme1n1");
        fake_root_write("sys/bus/xen-backend/devices/vbd-1-51712/physical_device", "?\n");
        expect_both(&tables_only, USE_UNKNOWN, "not understood", USE_UNKNOWN, "not understood");
}

/* No file names the drive of a pblk. */
Test(inuse, open_channel_drive) {
        fake_root_write("sys/class/block/nvme1n1/lightnvm/version", "2.0\n");
        expect_both(&tables_only, USE_NONE, NULL, USE_UNKNOWN, "a pblk may use it");
}

Test(inuse, pnfs_block_layout) {
        fake_root_mkdir("sys/module/blocklayoutdriver");
        expect_both(&tables_only, USE_UNKNOWN, "pNFS block layout", USE_UNKNOWN, "pNFS");
}

Test(inuse, exports_live_on_without_configfs) {
        fake_root_write("sys/module/nvmet/refcnt", "1\n");
        expect_both(&tables_only, USE_UNKNOWN, "nvmet is loaded", USE_UNKNOWN, "not mounted");
        fake_root_mkdir("sys/kernel/config/nvmet/subsystems");
        expect_both(&tables_only, USE_NONE, NULL, USE_NONE, NULL);
}

Test(inuse, claim) {
        mock_fail_open("nvme1n1", EBUSY);
        expect_both(&with_claim, USE_NONE, NULL, USE_CLAIM, "claim on /dev/nvme1n1");
        expect_both(&tables_only, USE_NONE, NULL, USE_NONE, NULL);
}

Test(inuse, node_that_cannot_be_opened) {
        mock_fail_open("nvme0n1", EACCES);
        fake_root_remove("dev/nvme1n1");
        expect_both(&with_claim, USE_UNKNOWN, "/dev/nvme0n1: Permission denied", USE_UNKNOWN,
                    "/dev/nvme1n1 is missing");
}

Test(inuse, node_of_another_device) {
        mock_rename_node("nvme0n1p1", "nvme0n1");
        fake_root_remove("dev/nvme1n1");
        fake_root_write("dev/nvme1n1", "a plain file");
        expect_both(&with_claim, USE_UNKNOWN, "/dev/nvme0n1 is another device", USE_UNKNOWN,
                    "/dev/nvme1n1 is another device");
}

Test(inuse, blocks_without_a_number) {
        fake_root_write("sys/class/block/nvme0n1p1/dev", "\n");
        fake_root_remove("sys/class/block/nvme1n1/dev");
        expect_both(&tables_only, USE_UNKNOWN, "/dev/nvme0n1p1 has no device number", USE_UNKNOWN,
                    "/dev/nvme1n1 has no device number");
}

Test(inuse, holders_that_cannot_be_listed) {
        fake_root_remove("sys/class/block/nvme1n1/holders");
        fake_root_link("sys/class/block/nvme1n1/holders", "holders");
        expect_both(&with_claim, USE_NONE, NULL, USE_UNKNOWN, "holders of /dev/nvme1n1");
}

Test(inuse, head_marks_all_its_controllers) {
        const char *subsystem = mock_add_subsystem("nvme-subsys5", "nvme0", "nvme1", NULL);

        mock_add_namespace(subsystem, "nvme5n1");
        mock_add_hidden_path("sys/class/nvme/nvme0", "nvme5c0n1");
        mock_mount("nvme5n1", "/srv", "ext4");
        expect_both(&with_claim, USE_MOUNT, "/dev/nvme5n1", USE_MOUNT, "/dev/nvme5n1");
}

/* The plan leaves these in any case, and opening a disk on a dead network could hang. */
Test(inuse, fabrics_and_foreign_are_left_alone) {
        Topology topology;

        mock_add_namespace(mock_add_fabrics("nvme7", "tcp"), "nvme7n1");
        mock_add_function("sys/devices/pci0000:00", "0000:00:09.0", "vfio-pci");
        mock_mount("nvme7n1", "/net", "ext4");
        fake_root_append("proc/swaps", "garbage\n");
        topology = read_and_mark(&with_claim);
        expect_use(&topology, "nvme7", USE_NONE, NULL);
        expect_use(&topology, "0000:00:09.0", USE_NONE, NULL);
        expect_use(&topology, "nvme0", USE_UNKNOWN, "/proc/swaps:2");
        cr_expect(eq(uint, mock_count_opens("nvme7n1"), 0));
        topology_done(&topology);
}
