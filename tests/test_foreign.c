/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include "foreign.h"
#include "lspci_tree.h"

static Snapshot snapshot;
static char lspci[] = "lspci-XXXXXX", lsblk[] = "lsblk-XXXXXX";
static char why[512];

static void setup(void) {
        (void) close(mkstemp(lspci));
        (void) close(mkstemp(lsblk));
}

static void teardown(void) {
        (void) unlink(lspci);
        (void) unlink(lsblk);
        snapshot_done(&snapshot);
}

TestSuite(foreign, .init = setup, .fini = teardown, .timeout = 30);

static void write_file(const char *path, const char *text) {
        FILE *stream = fopen(path, "w");

        cr_assert(ne(ptr, stream, NULL));
        cr_assert(ge(int, fputs(text, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
}

static int read_texts(const char *pci, const char *disks) {
        write_file(lspci, pci);
        write_file(lsblk, disks);
        return foreign_read(lspci, lsblk, &snapshot, why, sizeof(why));
}

#define SERVER                                                                                   \
        "-+-[10000:e0]-+-02.0-[e1]----00.0  Intel Corporation NVMe Datacenter SSD\n"             \
        " |            \\-03.0-[e2]----00.0  Intel Corporation NVMe Datacenter SSD\n"            \
        " +-[0000:80]-+-05.5  Intel Corporation Volume Management Device NVMe RAID Controller\n" \
        " |           \\-02.0-[81]--\n"                                                          \
        " \\-[0000:00]-+-00.0  Intel Corporation Device 2020\n"                                  \
        "             +-01.0-[01-05]----00.0-[02-05]--+-00.0-[03]----00.0  Samsung NVMe SSD\n"   \
        "             |                               +-04.0-[04]----00.0  Samsung NVMe SSD\n"   \
        "             |                               \\-08.0-[05]--\n"                          \
        "             +-1c.0-[06]----00.0  Intel Corporation I210 Gigabit Network Connection\n"  \
        "             \\-1f.2  Intel Corporation SATA Controller [AHCI mode]\n"

#define DISK(name, more) "{\"name\":\"" name "\",\"maj:min\":\"259:1\",\"type\":\"disk\"" more "}"

static const Device *find(const char *address) {
        size_t i = topology_find_device(&snapshot.topology, address);

        cr_assert(ne(sz, i, TOPOLOGY_NONE), "%s", address);
        return &snapshot.topology.devices[i];
}

static void expect_parent(const char *address, DeviceKind kind, char *parent) {
        const Device *d = find(address);

        cr_expect(eq(int, d->kind, kind), "%s", address);
        cr_assert(ne(sz, d->parent, TOPOLOGY_NONE), "%s", address);
        cr_expect(eq(str, snapshot.topology.devices[d->parent].address, parent));
}

Test(foreign, reads_the_tree_as_lspci_draws_it) {
        cr_assert(eq(int, read_texts(SERVER, "{\"blockdevices\":[]}"), 0), "%s", why);
        expect_parent("0000:03:00.0", DEVICE_CONTROLLER, "0000:02:00.0");
        expect_parent("0000:04:00.0", DEVICE_CONTROLLER, "0000:02:04.0");
        expect_parent("0000:02:04.0", DEVICE_DOWNSTREAM_PORT, "0000:01:00.0");
        expect_parent("0000:01:00.0", DEVICE_UPSTREAM_PORT, "0000:00:01.0");
        expect_parent("0000:00:01.0", DEVICE_ROOT_PORT, "pci0000:00");
        expect_parent("10000:e2:00.0", DEVICE_CONTROLLER, "10000:e0:03.0");
        expect_parent("pci10000:e0", DEVICE_HOST_BRIDGE, "0000:80:05.5");
        expect_parent("0000:80:05.5", DEVICE_VMD, "pci0000:80");
        /* Neither what is no NVMe nor what leads nowhere. */
        cr_expect(eq(sz, snapshot.topology.n_devices, 14));
}

Test(foreign, pairs_disks_in_order_and_takes_what_is_on_them) {
        const Controller *c;

        cr_assert(
                eq(int,
                   read_texts(SERVER,
                              "{\"blockdevices\":["
                              "{\"name\":\"sda\",\"type\":\"disk\"}," DISK("nvme10n1", "") "," DISK(
                                      "nvme2n1",
                                      ",\"children\":[{\"name\":\"nvme2n1p1\","
                                      "\"type\":\"part\","
                                      "\"mountpoints\":[null,\"/srv\",\"/"
                                      "\"]}]") "," DISK("nvme3n1",
                                                        ",\"serial\":\"S3 "
                                                        "\",\"children\":[{"
                                                        "\"name\":\"md0\","
                                                        "\"type\":"
                                                        "\"raid1\"}]") "," DISK("nvme4n1",
                                                                                ",\"mountpoint\":"
                                                                                "\"[SWAP]\"") "]}"),
                   0),
                "%s", why);
        c = find("0000:03:00.0")->controller;
        cr_expect(eq(str, c->name, "nvme2"));
        cr_expect(eq(int, c->use.kind, USE_ROOT));
        cr_expect(eq(str, c->use.detail, "/dev/nvme2n1p1 is mounted on /"));
        cr_expect(eq(str, c->serial, "?"));
        c = find("0000:04:00.0")->controller;
        cr_expect(eq(int, c->use.kind, USE_HOLDER));
        cr_expect(eq(str, c->use.detail, "/dev/nvme3n1 is held by md0"));
        cr_expect(eq(str, c->serial, "S3"));
        c = find("10000:e1:00.0")->controller;
        cr_expect(eq(str, c->name, "nvme4"));
        cr_expect(eq(int, c->use.kind, USE_SWAP));
        c = find("10000:e2:00.0")->controller;
        cr_expect(eq(str, c->name, "nvme10"));
        cr_expect(eq(int, c->use.kind, USE_NONE));
        cr_expect(eq(sz, topology_find_block(&snapshot.topology, "sda"), TOPOLOGY_NONE));
        cr_expect(eq(int, strncmp(snapshot.unknown[0], "which controller is which", 25), 0));
}

/* Whoever can't be told apart might be the root's. */
Test(foreign, takes_all_for_used_when_the_numbers_differ) {
        cr_assert(eq(int, read_texts(SERVER, "{\"blockdevices\":[" DISK("nvme0n1", "") "]}"), 0),
                  "%s", why);
        for (size_t i = 0; i < snapshot.topology.n_devices; i++)
                if (snapshot.topology.devices[i].controller)
                        cr_expect(eq(int, snapshot.topology.devices[i].controller->use.kind,
                                     USE_UNKNOWN));
        cr_expect(eq(str, snapshot.unknown[0],
                     "which of 4 controllers carries which of lsblk's 1: all of them are taken for "
                     "used"));
}

Test(foreign, tells_that_no_device_is_called_nvme) {
        cr_assert(eq(int,
                     read_texts("-[0000:00]---01.0-[01]----00.0  Samsung Device a80a\n",
                                "{\"blockdevices\":[" DISK("nvme0n1", "") "]}"),
                     0),
                  "%s", why);
        cr_expect(eq(sz, snapshot.topology.n_devices, 0));
        cr_expect(eq(str, snapshot.unknown[0],
                     "where the controllers of lsblk's disks stand: lspci's text calls nothing "
                     "NVMe"));
}

struct bad_row {
        char pci[200];
        char disks[120];
        char why[140];
};

ParameterizedTestParameters(foreign, says_what_is_wrong_and_where) {
        static struct bad_row rows[] = {
                { "", "",
                  "lsblk: 1:1: is no JSON as lsblk --json prints it: unexpected end of data" },
                { "", "NAME    MAJ:MIN RM\n",
                  "lsblk: 1:3: is no JSON as lsblk --json prints it: null expected" },
                { "-[0000:00]-+-00.0\n           \\-01.0-[01]----00.0\n", "",
                  "lspci: names no device: lspci -tv does, lspci -t does not" },
                { "", "{}", "lsblk: \"blockdevices\" is missing: lsblk --json has it" },
                { "", "{\"blockdevices\":[7]}", "lsblk: blockdevices[0]: must be an object" },
                { "", "{\"blockdevices\":[{}]}", "lsblk: blockdevices[0]: \"name\" is missing" },
                { "", "{\"blockdevices\":[{\"name\":\"nvme0n1\",\"maj:min\":\"x\"}]}",
                  "lsblk: blockdevices[0]: \"maj:min\" must be MAJOR:MINOR" },
                { "",
                  "{\"blockdevices\":[{\"name\":\"nvme0n1\",\"children\":[{\"name\":\"a b\"}]}]}",
                  "lsblk: blockdevices[0]: \"name\" must be printable, without blanks" },
                { "", "{\"blockdevices\":[{\"name\":\"nvme0n1\",\"children\":[7]}]}",
                  "lsblk: blockdevices[0]: \"children\" holds something that is no object" },
                { "00:00.0 Host bridge: Intel\n", "",
                  "lspci:1:1: is no line of a tree that lspci -tv has drawn" },
                { " +-00.0  Intel\n", "", "lspci:1:2: a twig without a branch above it" },
                { "-[0000:00]-+-00.0  A\n          \\-01.0  B\n", "",
                  "lspci:2:11: a twig without a branch above it" },
                { "-[0000:00]-+-00.0  A\n               \\-01.0  B\n", "",
                  "lspci:2:16: a twig without a branch above it" },
                { "-[0000:00]-+-zz.0  A\n", "", "lspci:1:14: should be a device as in 1f.0" },
                { "-+-00.0  A\n", "", "lspci:1:4: a device before any [DOMAIN:BUS]" },
                { "-[00]-+-00.0  A\n", "", "lspci:1:2: should be a bus as in [0000:00]" },
                { "-[0000:00]---01.0-[x]----00.0  A\n", "",
                  "lspci:1:14: should be a bridge as in 1c.0-[02-05]" },
                { "-[0000:00]-+-00.0  NVMe\n           \\-00.0  NVMe\n", "",
                  "lspci: 0000:00:00.0 is there twice" },
        };

        return cr_make_param_array(struct bad_row, rows, ARRAY_SIZE(rows));
}

/* The rows say "lspci" and "lsblk" for the names of the temporary files. */
ParameterizedTest(struct bad_row *row, foreign, says_what_is_wrong_and_where) {
        char expected[300];

        cr_assert(eq(int, read_texts(row->pci, row->disks), -EINVAL), "%s", row->pci);
        (void) snprintf(expected, sizeof(expected), "%s%s",
                        STARTSWITH(row->why, "lspci") ? lspci : lsblk, row->why + 5);
        cr_expect(eq(str, why, expected));
}

Test(foreign, survives_damage) {
        uint64_t state = 1;

        for (size_t round = 0; round < 4000; round++) {
                Topology topology = TOPOLOGY_INIT;
                char text[] = SERVER;

                for (size_t k = 0; k <= round % 4; k++) {
                        state = state * 6364136223846793005U + 1442695040888963407U;
                        text[(state >> 33) % (sizeof(text) - 1)] =
                                "+-\\|[]:. 0a\nN\xff"[(state >> 20) % 14];
                }
                cr_assert(le(int, lspci_tree_read("lspci", text, &topology, why, sizeof(why)), 0));
                topology_done(&topology);
        }
}
