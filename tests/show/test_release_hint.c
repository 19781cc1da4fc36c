/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/recorded.h"
#include "fake_root.h"
#include "show/release_hint.h"
#include "topology_builder.h"

#define A "0000:01:00.0"
#define B "0000:04:00.0"

static Topology topology;
static Config config;
static Plan plan = PLAN_INIT;

/* How many copies of a text succeed before the one that fails; negative: all do. */
static int n_copies = -1;

static void *copy_bytes(const char *text, size_t length) {
        char *copy;

        if (n_copies >= 0 && n_copies-- == 0)
                return NULL;
        copy = malloc(length + 1);
        if (!copy)
                return NULL;
        copy[length] = '\0';
        return memcpy(copy, text, length);
}

char *strdup(const char *text) {
        return copy_bytes(text, strlen(text));
}

char *strndup(const char *text, size_t max) {
        return copy_bytes(text, strnlen(text, max));
}

/* A recorded machine, where udev's live database has no say. */
static void setup(void) {
        fake_root_start();
        (void) close(recorded_open_root(fake_root_path("")));
        config = build_config();
        build_switch_tree(&topology, 0);
}

static void teardown(void) {
        plan_done(&plan);
        topology_done(&topology);
        fake_root_done();
}

TestSuite(release_hint, .init = setup, .fini = teardown, .timeout = 10);

static const char *reason_of(const char *address) {
        plan_done(&plan);
        cr_assert(eq(int, plan_make(&topology, &config, &plan), 0));
        cr_assert(eq(int, release_hints_add(root_fd, &topology, &config, &plan), 0));
        return plan.steps[topology_find_device(&topology, address)].reason;
}

static void expect_reason(const char *address, const char *expected) {
        const char *reason = reason_of(address);

        cr_expect(eq(str, (char *) (reason ?: ""), (char *) expected));
}

Test(release_hint, names_zfs_by_what_udev_has_found) {
        size_t disk = build_namespace(&topology, A, "nvme0n1", 1);

        build_block(&topology, BLOCK_PARTITION, "nvme0n1p1", 2, disk);
        fake_root_write("dev/nvme0n1p1", "block 259:2\ncontent zfs_member\n");
        expect_reason(A, "");
        build_use(&topology, A, USE_CLAIM, "claimed");
        expect_reason(A, "claimed; Release=zfs would free it from a ZFS pool in the hook");
        config.release = (char *[]){ "zfs", NULL };
        expect_reason(A, "claimed; Release=zfs frees it from a ZFS pool in the hook");
        fake_root_write("dev/nvme0n1p1", "block 259:2\ncontent zfs_member\nlabel tank\n");
        expect_reason(A, "claimed; Release=zfs frees it from the ZFS pool tank in the hook");
}

Test(release_hint, names_a_container_of_md_but_no_other_array) {
        size_t disk = build_namespace(&topology, A, "nvme0n1", 1);

        build_block(&topology, BLOCK_HOLDER, "md127", 2, disk);
        build_use(&topology, A, USE_HOLDER, "held");
        fake_root_write("sys/class/block/md127/md/metadata_version", "1.2\n");
        expect_reason(A, "held");
        fake_root_write("sys/class/block/md127/md/metadata_version", "external:imsm\n");
        expect_reason(A, "held; Release=md-containers would free it from a container of IMSM or "
                         "DDF in the hook");
}

Test(release_hint, names_bcache_and_nvmet) {
        size_t disk = build_namespace(&topology, A, "nvme0n1", 1);

        build_block(&topology, BLOCK_HOLDER, "bcache0", 2, disk);
        build_use(&topology, A, USE_MOUNT, "mounted");
        expect_reason(A, "mounted; Release=bcache would free it from bcache in the hook");
        disk = build_namespace(&topology, B, "nvme1n1", 3);
        use_raise(&topology.blocks[disk].use, USE_TARGET,
                  strdup("exported by /sys/kernel/config/nvmet/x"));
        build_use(&topology, B, USE_TARGET, "exported by /sys/kernel/config/nvmet/x");
        expect_reason(B, "exported by /sys/kernel/config/nvmet/x; Release=nvmet would free it from "
                         "the NVMe target in the hook");
}

/* No hook can free what is below the root. */
Test(release_hint, says_nothing_about_the_root) {
        size_t disk = build_namespace(&topology, A, "nvme0n1", 1);

        build_block(&topology, BLOCK_HOLDER, "bcache0", 2, disk);
        build_use(&topology, A, USE_ROOT, "root");
        expect_reason(A, "root");
}

/* Fails each copy of a text in turn: a plan without the hint would look whole. */
static void expect_hint_or_no_memory(const char *address, const char *hint) {
        size_t device = topology_find_device(&topology, address);

        for (int n = 0, r = -ENOMEM; r < 0; n++) {
                plan_done(&plan);
                cr_assert(eq(int, plan_make(&topology, &config, &plan), 0));
                n_copies = n;
                r = release_hints_add(root_fd, &topology, &config, &plan);
                n_copies = -1;
                if (n == 0 || r < 0)
                        cr_assert(eq(int, r, -ENOMEM), "%d copies", n);
                else
                        cr_expect(strstr(plan.steps[device].reason, hint) != NULL, "%d copies", n);
        }
}

Test(release_hint, no_hint_is_left_out_for_want_of_memory) {
        size_t disk = build_namespace(&topology, A, "nvme0n1", 1);

        build_block(&topology, BLOCK_PARTITION, "nvme0n1p1", 2, disk);
        fake_root_write("dev/nvme0n1p1", "block 259:2\ncontent zfs_member\nlabel tank\n");
        build_block(&topology, BLOCK_PARTITION, "nvme0n1p2", 3, disk);
        (void) build_namespace(&topology, A, "nvme0n2", 7);
        build_use(&topology, A, USE_CLAIM, "claimed");
        expect_hint_or_no_memory(A, "Release=zfs");
        disk = build_namespace(&topology, B, "nvme1n1", 4);
        build_block(&topology, BLOCK_HOLDER, "md127", 5, disk);
        build_block(&topology, BLOCK_PARTITION, "nvme1n1p2", 6, disk);
        fake_root_write("sys/class/block/md127/md/metadata_version", "external:imsm\n");
        build_use(&topology, B, USE_HOLDER, "held");
        expect_hint_or_no_memory(B, "Release=md-containers");
}
