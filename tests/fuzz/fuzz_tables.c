/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/self/mountinfo and, from a line that begins with "Filename", /proc/swaps. The two ways in
 * which mounts are looked at, inuse and mount_guard, must not contradict each other. */

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fake_root.h"
#include "fuzz.h"
#include "inuse/inuse.h"
#include "inuse/mount_guard.h"
#include "mock_nodes.h"
#include "topology_builder.h"

#define SWAPS_BEGIN "Filename"
#define DEVICES "devices/pci0000:00/"
#define NVME0 DEVICES "0000:01:00.0/nvme/nvme0/nvme0n1"
#define NVME1 DEVICES "0000:02:00.0/nvme/nvme1/nvme1n1"
#define MD0 "devices/virtual/block/md0"

static void add_block(Topology *t, BlockKind kind, const char *name, dev_t devnum, size_t below) {
        ssize_t block = topology_add_block(t, kind, name, devnum);

        REQUIRE(block >= 0);
        if (kind == BLOCK_NAMESPACE)
                REQUIRE(topology_link_controller(t, (size_t) block, below) == 0);
        else
                REQUIRE(topology_link_user(t, below, (size_t) block) == 0);
}

/* nvme0 with a partition of which md0 is made, and nvme1. */
static Topology build(void) {
        Topology t = TOPOLOGY_INIT;
        size_t nvme0 = build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        size_t nvme1 = build_nvme(&t, "nvme1", "0000:02:00.0", NULL);

        add_block(&t, BLOCK_NAMESPACE, "nvme0n1", makedev(259, 0), nvme0);
        add_block(&t, BLOCK_PARTITION, "nvme0n1p1", makedev(259, 1), 0);
        add_block(&t, BLOCK_HOLDER, "md0", makedev(9, 0), 1);
        add_block(&t, BLOCK_NAMESPACE, "nvme1n1", makedev(259, 2), nvme1);
        return t;
}

static void set_up(void) {
        static const struct {
                const char *name;
                unsigned major, minor;
        } nodes[] = { { "nvme0n1", 259, 0 },
                      { "nvme0n1p1", 259, 1 },
                      { "md0", 9, 0 },
                      { "nvme1n1", 259, 2 } };

        fuzz_root();
        fake_root_write("dev/null", "");
        for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
                mock_nodes_add(nodes[i].name, S_IFBLK, makedev(nodes[i].major, nodes[i].minor));
        fake_root_link("sys/dev/block/259:0", "../../" NVME0);
        fake_root_link("sys/dev/block/259:1", "../../" NVME0 "/nvme0n1p1");
        fake_root_link("sys/dev/block/259:2", "../../" NVME1);
        fake_root_link("sys/dev/block/9:0", "../../" MD0);
        fake_root_write("sys/" NVME0 "/nvme0n1p1/partition", "1\n");
        fake_root_write("sys/" NVME1 "/dev", "259:2\n");
        fake_root_write("sys/" MD0 "/slaves/nvme0n1p1/dev", "259:1\n");
}

/* An anonymous mount of a node that is not there: inuse goes by the name, to be safe; the guard
 * leaves it to the list of btrfs members, for such is the /dev/root of a kernel without initrd. */
static bool names_a_missing_node(const Topology *t, const char *text) {
        for (const char *at = text; (at = strstr(at, " /dev/")); at++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "%.*s", (int) strcspn(at + 6, " \t\n"), at + 6);
                if (topology_find_block(t, name) == TOPOLOGY_NONE)
                        return true;
        }
        return false;
}

static void require_agreement(const Topology *t, const char *text) {
        for (size_t i = 0; i < t->n_devices; i++) {
                UseKind use = t->devices[i].controller->use.kind;
                char why[256] = "";
                int r = mount_guard(root_fd, t->devices[i].address, why, sizeof(why));

                REQUIRE(r <= 0 || *why);
                /* A mount that one of them has seen keeps the controller with the other as well. */
                REQUIRE(r <= 0 || use != USE_NONE);
                REQUIRE((use != USE_MOUNT && use != USE_ROOT) || r != 0 ||
                        names_a_missing_node(t, text));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const InuseOptions options = {};
        const uint8_t *swaps;
        Topology topology;
        char *text;
        size_t n;

        if (root_fd < 0)
                set_up();
        swaps = memmem(data, size, SWAPS_BEGIN, strlen(SWAPS_BEGIN));
        n = swaps ? (size_t) (swaps - data) : size;
        fake_root_write_binary("proc/self/mountinfo", data, n);
        fake_root_write_binary("proc/swaps", swaps ?: data, swaps ? size - n : 0);
        topology = build();
        REQUIRE(inuse_mark(root_fd, &options, &topology) == 0);
        text = strndup((const char *) data, n);
        REQUIRE(text);
        require_agreement(&topology, text);
        free(text);
        topology_done(&topology);
        return 0;
}
