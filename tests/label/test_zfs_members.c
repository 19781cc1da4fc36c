/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of recorded machines: udev's live database has no say there. */

#include "label/zfs_members.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/recorded.h"
#include "fake_root.h"
#include "plan/exitrd.h"
#include "topology_builder.h"

#define A "0000:01:00.0"
#define B "0000:04:00.0"

static Topology topology;
static Config config;

static void setup(void) {
        fake_root_start();
        (void) close(recorded_open_root(fake_root_path("")));
        config = build_config();
        build_switch_tree(&topology, 0);
}

static void teardown(void) {
        topology_done(&topology);
        fake_root_done();
}

TestSuite(zfs_members, .init = setup, .fini = teardown, .timeout = 10);

static UseKind use_of(const char *address) {
        return topology.devices[topology_find_device(&topology, address)].controller->use.kind;
}

static void mark_root(const char *mountinfo) {
        fake_root_write("proc/self/mountinfo", mountinfo);
        cr_assert(eq(int, zfs_members_mark_root(root_fd, &topology), 0));
}

Test(zfs_members, an_exitrd_pays_for_a_root_pool_of_two_drives) {
        size_t n, disk = build_namespace(&topology, A, "nvme0n1", 1);

        build_block(&topology, BLOCK_PARTITION, "nvme0n1p3", 2, disk);
        build_namespace(&topology, B, "nvme1n1", 3);
        build_namespace(&topology, "0000:05:00.0", "nvme2n1", 4);
        fake_root_write("dev/nvme0n1p3", "block 259:2\nlabel rpool\ncontent zfs_member\n");
        fake_root_write("dev/nvme1n1", "block 259:3\ncontent zfs_member\nlabel rpool\n");
        fake_root_write("dev/nvme2n1", "block 259:4\ncontent zfs_member\nlabel tank\n");
        mark_root("29 1 259:9 / / rw - ext4 /dev/nvme0n1p9 rw\n"
                  "30 29 0:27 / /srv rw - zfs rpool/srv rw\n");
        cr_expect(eq(int, (int) use_of(A), USE_NONE), "/srv is no root");
        mark_root("30 29 0:27 / /\rsrv rw - zfs rpool/srv rw\n");
        cr_expect(eq(int, (int) use_of(A), USE_NONE), "the directory's name begins with a \\r");
        mark_root("29 1 0:26 / / rw,relatime shared:1 - zfs rpool/ROOT/debian rw,xattr\n"
                  "30 29 0:27 / /srv rw - zfs tank rw\n");
        cr_expect(eq(int, (int) use_of(A), USE_ROOT));
        cr_expect(eq(int, (int) use_of(B), USE_ROOT));
        cr_expect(eq(int, (int) use_of("0000:05:00.0"), USE_NONE), "another pool");
        cr_assert(eq(int, exitrd_count(&topology, &config, &n), 0));
        cr_expect(eq(sz, n, 2));
}

Test(zfs_members, other_content_of_that_name_is_no_member) {
        build_namespace(&topology, A, "nvme0n1", 1);
        fake_root_write("dev/nvme0n1", "block 259:1\ncontent ext4\nlabel rpool\n");
        mark_root("29 1 0:26 / / rw - zfs rpool/ROOT/debian rw\n");
        cr_expect(eq(int, (int) use_of(A), USE_NONE));
}

Test(zfs_members, a_machine_that_says_nothing_has_no_root_on_zfs) {
        build_namespace(&topology, A, "nvme0n1", 1);
        cr_assert(eq(int, zfs_members_mark_root(root_fd, &topology), 0));
        cr_expect(eq(int, (int) use_of(A), USE_NONE));
}
