/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "plan/exitrd.h"
#include "topology_builder.h"

static Topology topology;
static Config config;

static void setup(void) {
        config = build_config();
        build_switch_tree(&topology, 0);
}

static void teardown(void) {
        topology_done(&topology);
}

TestSuite(exitrd, .init = setup, .fini = teardown, .timeout = 10);

static size_t count_for_exitrd(void) {
        size_t n = SIZE_MAX;

        cr_assert(eq(int, exitrd_count(&topology, &config, &n), 0));
        return n;
}

static UseKind use_of(const char *address) {
        return topology.devices[topology_find_device(&topology, address)].controller->use.kind;
}

Test(exitrd, counts_none_when_the_root_is_not_on_nvme) {
        cr_expect(eq(sz, count_for_exitrd(), 0));
}

Test(exitrd, counts_the_controllers_below_the_root) {
        build_use(&topology, "0000:01:00.0", USE_ROOT, "/dev/md0 is mounted on /");
        build_use(&topology, "0000:05:00.0", USE_ROOT, "/dev/md0 is mounted on /");
        cr_expect(eq(sz, count_for_exitrd(), 2));
}

/* These uses may last longer than the root file system. */
Test(exitrd, does_not_count_controllers_in_other_use) {
        build_use(&topology, "0000:01:00.0", USE_ROOT, "/dev/nvme0n1 is mounted on /");
        build_use(&topology, "0000:04:00.0", USE_MOUNT, "/dev/nvme1n1 is mounted on /srv");
        build_use(&topology, "0000:05:00.0", USE_TARGET, "/dev/nvme2n1 is exported");
        cr_expect(eq(sz, count_for_exitrd(), 1));
}

Test(exitrd, does_not_count_excluded_controllers) {
        char *exclude[] = { (char *) "nvme0", NULL };

        build_use(&topology, "0000:01:00.0", USE_ROOT, "/dev/md0 is mounted on /");
        build_use(&topology, "0000:05:00.0", USE_ROOT, "/dev/md0 is mounted on /");
        config.exclude = exclude;
        cr_expect(eq(sz, count_for_exitrd(), 1));
}

Test(exitrd, releases_the_root_and_nothing_else) {
        build_use(&topology, "0000:01:00.0", USE_ROOT, "/dev/nvme0n1 is mounted on /");
        build_use(&topology, "0000:04:00.0", USE_MOUNT, "/dev/nvme1n1 is mounted on /srv");
        build_use(&topology, "0000:05:00.0", USE_CLAIM, "the kernel holds a claim on /dev/nvme2n1");
        exitrd_release_root(&topology);
        cr_expect(eq(int, use_of("0000:01:00.0"), USE_NONE));
        cr_expect(eq(int, use_of("0000:04:00.0"), USE_MOUNT));
        cr_expect(eq(int, use_of("0000:05:00.0"), USE_CLAIM));
}
