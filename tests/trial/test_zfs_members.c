/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/sysmacros.h>

#include "fake_root.h"
#include "plan/exitrd.h"
#include "topology_builder.h"
#include "trial/zfs_members.h"

#define A "0000:01:00.0"
#define B "0000:04:00.0"

static Topology topology;
static Config config;

static size_t add_block(BlockKind kind, const char *name, unsigned number, size_t below) {
        size_t block = (size_t) topology_add_block(&topology, kind, name, makedev(259, number));

        if (below != TOPOLOGY_NONE)
                cr_assert(eq(int, topology_link_user(&topology, below, block), 0));
        return block;
}

static size_t add_namespace(const char *address, const char *name, unsigned number) {
        size_t block = add_block(BLOCK_NAMESPACE, name, number, TOPOLOGY_NONE);

        cr_assert(eq(int,
                     topology_link_controller(&topology, block,
                                              topology_find_device(&topology, address)),
                     0));
        return block;
}

static void setup(void) {
        fake_root_start();
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
        size_t n, disk = add_namespace(A, "nvme0n1", 1);

        add_block(BLOCK_PARTITION, "nvme0n1p3", 2, disk);
        add_namespace(B, "nvme1n1", 3);
        add_namespace("0000:05:00.0", "nvme2n1", 4);
        fake_root_write("run/udev/data/b259:2", "E:ID_FS_LABEL=rpool\nE:ID_FS_TYPE=zfs_member\n");
        fake_root_write("run/udev/data/b259:3", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=rpool\n");
        fake_root_write("run/udev/data/b259:4", "E:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank\n");
        mark_root("29 1 259:9 / / rw - ext4 /dev/nvme0n1p9 rw\n"
                  "30 29 0:27 / /srv rw - zfs rpool/srv rw\n");
        cr_expect(eq(int, (int) use_of(A), USE_NONE), "/srv is no root");
        mark_root("29 1 0:26 / / rw,relatime shared:1 - zfs rpool/ROOT/debian rw,xattr\n"
                  "30 29 0:27 / /srv rw - zfs tank rw\n");
        cr_expect(eq(int, (int) use_of(A), USE_ROOT));
        cr_expect(eq(int, (int) use_of(B), USE_ROOT));
        cr_expect(eq(int, (int) use_of("0000:05:00.0"), USE_NONE), "another pool");
        cr_assert(eq(int, exitrd_count(&topology, &config, &n), 0));
        cr_expect(eq(sz, n, 2));
}

Test(zfs_members, a_machine_that_says_nothing_has_no_root_on_zfs) {
        add_namespace(A, "nvme0n1", 1);
        cr_assert(eq(int, zfs_members_mark_root(root_fd, &topology), 0));
        cr_expect(eq(int, (int) use_of(A), USE_NONE));
}
