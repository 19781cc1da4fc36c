/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machines mocked by umockdev, and the topology that is read from them. */

#include "tree/device_tree.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "mock_nvme.h"

TestSuite(device_tree, .init = mock_start, .fini = mock_stop, .timeout = 20);

static void add_text(char **text, const char *format, ...) _printf_(2, 3);

static void add_text(char **text, const char *format, ...) {
        char *part, *whole;
        va_list args;

        va_start(args, format);
        cr_assert(vasprintf(&part, format, args) >= 0);
        va_end(args);
        cr_assert(asprintf(&whole, "%s%s", *text ?: "", part) >= 0);
        free(part);
        free(*text);
        *text = whole;
}

/* One line per device and block: "address: kind < parent, name (driver), VF of ..." */
static char *describe(const Topology *t) {
        char *text = NULL;

        for (size_t i = 0; i < t->n_devices; i++) {
                const Device *d = &t->devices[i];

                add_text(&text, "%s: %s", d->address, device_kind_to_string(d->kind));
                if (d->parent != TOPOLOGY_NONE)
                        add_text(&text, " < %s", t->devices[d->parent].address);
                if (d->controller)
                        add_text(&text, ", %s (%s)", d->controller->name,
                                 d->controller->driver ?: "-");
                if (d->physfn != TOPOLOGY_NONE)
                        add_text(&text, ", VF of %s", t->devices[d->physfn].address);
                add_text(&text, "\n");
        }
        for (size_t i = 0; i < t->n_blocks; i++) {
                const Block *b = &t->blocks[i];
                static const char *const kinds[] = { "namespace", "partition", "holder" };

                add_text(&text, "%s: %s", b->name, kinds[b->kind]);
                for (size_t k = 0; k < b->n_controllers; k++)
                        add_text(&text, " < %s", t->devices[b->controllers[k]].controller->name);
                for (size_t k = 0; k < b->n_users; k++)
                        add_text(&text, " > %s", t->blocks[b->users[k]].name);
                add_text(&text, "\n");
        }
        add_text(&text, "%s", "");
        return text;
}

static Topology read_tree(void) {
        Topology topology = TOPOLOGY_INIT;

        cr_assert(eq(int, device_tree_read(root_fd, &topology), 0));
        return topology;
}

/* The result must not depend on the order in which the kernel lists the machine. */
static void expect_tree(const char *expected) {
        for (unsigned pass = 0; pass < 2; pass++) {
                Topology topology = read_tree();
                char *text = describe(&topology);

                cr_expect(eq(str, text, (char *) expected), "pass %u, got:\n%s", pass, text);
                free(text);
                topology_done(&topology);
                mock_reverse_enumeration();
        }
}

static const Controller *find_controller(const Topology *topology, const char *address) {
        size_t i = topology_find_device(topology, address);

        cr_assert(ne(sz, i, TOPOLOGY_NONE), "%s is missing", address);
        cr_assert(ne(ptr, topology->devices[i].controller, NULL));
        return topology->devices[i].controller;
}

Test(device_tree, nothing_at_all) {
        expect_tree("");
}

Test(device_tree, no_nvme_but_other_disks) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT);
        mock_add_partition(mock_add_namespace("sys/devices/virtual/block", "sda"), "sda1");
        expect_tree("");
}

Test(device_tree, one_drive_with_the_root) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        const char *port = mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT);
        const char *drive = mock_add_nvme(port, "0000:01:00.0", "nvme0");
        const char *disk = mock_add_namespace(drive, "nvme0n1");
        const Controller *c;
        Topology topology;

        mock_add_partition(disk, "nvme0n1p1");
        mock_add_partition(disk, "nvme0n1p2");
        mock_add_generic(drive, "ng0n1");
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:01.0: bridge < pci0000:00\n"
                    "0000:01:00.0: controller < 0000:00:01.0, nvme0 (nvme)\n"
                    "nvme0n1: namespace < nvme0 > nvme0n1p1 > nvme0n1p2\n"
                    "nvme0n1p1: partition\n"
                    "nvme0n1p2: partition\n");
        topology = read_tree();
        c = find_controller(&topology, "0000:01:00.0");
        cr_expect(eq(str, c->model, "MOCK DRIVE 7"));
        cr_expect(eq(str, c->serial, "SN-nvme0"));
        cr_expect(eq(str, c->nqn, "nqn.2024-01.org.example:mock"));
        cr_expect(eq(str, c->transport, "pcie"));
        cr_expect(eq(str, c->state, "live"));
        cr_expect(eq(u64, topology.blocks[1].devnum, mock_devnum("nvme0n1p1")));
        cr_expect(eq(int, c->use.kind, USE_NONE));
        topology_done(&topology);
}

Test(device_tree, two_root_ports_of_two_sockets) {
        const char *host0 = mock_add_host_bridge(NULL, "pci0000:00");
        const char *host1 = mock_add_host_bridge(NULL, "pci0000:80");

        mock_add_nvme(mock_add_port(host1, "0000:80:01.0", MOCK_ROOT_PORT), "0000:81:00.0",
                      "nvme0");
        mock_add_nvme(mock_add_port(host0, "0000:00:1c.4", MOCK_ROOT_PORT), "0000:0a:00.0",
                      "nvme1");
        expect_tree("pci0000:00: host bridge\n"
                    "pci0000:80: host bridge\n"
                    "0000:00:1c.4: bridge < pci0000:00\n"
                    "0000:0a:00.0: controller < 0000:00:1c.4, nvme1 (nvme)\n"
                    "0000:80:01.0: bridge < pci0000:80\n"
                    "0000:81:00.0: controller < 0000:80:01.0, nvme0 (nvme)\n");
}

/* A stage reads no more than it decides by, and all of config takes a capability. */
Test(device_tree, no_configuration_space_is_read) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        const char *port = mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT);
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        struct inotify_event event;

        mock_add_nvme(port, "0000:01:00.0", "nvme0");
        cr_assert(ge(int,
                     inotify_add_watch(fd,
                                       fake_root_path("sys/devices/pci0000:00/0000:00:01.0/config"),
                                       IN_OPEN),
                     0));
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:01.0: bridge < pci0000:00\n"
                    "0000:01:00.0: controller < 0000:00:01.0, nvme0 (nvme)\n");
        cr_expect(eq(int, (int) read(fd, &event, sizeof(event)), -1));
        cr_expect(eq(int, errno, EAGAIN));
        (void) close(fd);
}

Test(device_tree, switch_below_one_root_port) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        const char *root = mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT), *up, *down;

        mock_add_nvme(mock_add_port(host, "0000:00:02.0", MOCK_ROOT_PORT), "0000:01:00.0", "nvme0");
        up = mock_add_port(root, "0000:02:00.0", MOCK_UPSTREAM_PORT);
        down = mock_add_port(up, "0000:03:00.0", MOCK_DOWNSTREAM_PORT);
        mock_add_nvme(down, "0000:04:00.0", "nvme1");
        down = mock_add_port(up, "0000:03:00.1", MOCK_DOWNSTREAM_PORT);
        mock_add_nvme(down, "0000:05:00.0", "nvme2");
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:01.0: bridge < pci0000:00\n"
                    "0000:00:02.0: bridge < pci0000:00\n"
                    "0000:01:00.0: controller < 0000:00:02.0, nvme0 (nvme)\n"
                    "0000:02:00.0: bridge < 0000:00:01.0\n"
                    "0000:03:00.0: bridge < 0000:02:00.0\n"
                    "0000:03:00.1: bridge < 0000:02:00.0\n"
                    "0000:04:00.0: controller < 0000:03:00.0, nvme1 (nvme)\n"
                    "0000:05:00.0: controller < 0000:03:00.1, nvme2 (nvme)\n");
}

Test(device_tree, port_type_unknown_where_config_is_short_garbled_or_missing) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00"), *port;
        char config[256] = { [0x06] = 0x10, [0x34] = 0x40, [0x40] = 0x01, [0x41] = 0x40 };

        port = mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT);
        mock_add_nvme(port, "0000:01:00.0", "nvme0");
        fake_root_remove("sys/devices/pci0000:00/0000:00:01.0/config");
        port = mock_add_port(host, "0000:00:02.0", MOCK_ROOT_PORT);
        mock_add_nvme(port, "0000:02:00.0", "nvme1");
        fake_root_write_binary("sys/devices/pci0000:00/0000:00:02.0/config", config, 64);
        port = mock_add_port(host, "0000:00:03.0", MOCK_ROOT_PORT);
        mock_add_nvme(port, "0000:03:00.0", "nvme2");
        /* a capability that points at itself */
        fake_root_write_binary("sys/devices/pci0000:00/0000:00:03.0/config", config,
                               sizeof(config));
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:01.0: bridge < pci0000:00\n"
                    "0000:00:02.0: bridge < pci0000:00\n"
                    "0000:00:03.0: bridge < pci0000:00\n"
                    "0000:01:00.0: controller < 0000:00:01.0, nvme0 (nvme)\n"
                    "0000:02:00.0: controller < 0000:00:02.0, nvme1 (nvme)\n"
                    "0000:03:00.0: controller < 0000:00:03.0, nvme2 (nvme)\n");
}

Test(device_tree, volume_management_device) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        const char *vmd = mock_add_vmd(host, "0000:00:0e.0");
        const char *inner = mock_add_host_bridge(vmd, "pci10000:00");

        mock_add_nvme(mock_add_port(inner, "10000:00:02.0", MOCK_ROOT_PORT), "10000:01:00.0",
                      "nvme0");
        mock_add_nvme(mock_add_port(inner, "10000:00:03.0", MOCK_ROOT_PORT), "10000:02:00.0",
                      "nvme1");
        expect_tree("pci0000:00: host bridge\n"
                    "pci10000:00: host bridge < 0000:00:0e.0\n"
                    "0000:00:0e.0: VMD < pci0000:00\n"
                    "10000:00:02.0: bridge < pci10000:00\n"
                    "10000:00:03.0: bridge < pci10000:00\n"
                    "10000:01:00.0: controller < 10000:00:02.0, nvme0 (nvme)\n"
                    "10000:02:00.0: controller < 10000:00:03.0, nvme1 (nvme)\n");
}

Test(device_tree, virtual_functions) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        const char *port = mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT);

        mock_add_nvme(port, "0000:01:00.0", "nvme2");
        mock_add_vf(port, "0000:01:00.1", "nvme0", "0000:01:00.0");
        mock_add_vf(port, "0000:01:00.2", "nvme1", "0000:01:00.0");
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:01.0: bridge < pci0000:00\n"
                    "0000:01:00.0: controller < 0000:00:01.0, nvme2 (nvme)\n"
                    "0000:01:00.1: controller < 0000:00:01.0, nvme0 (nvme), VF of 0000:01:00.0\n"
                    "0000:01:00.2: controller < 0000:00:01.0, nvme1 (nvme), VF of 0000:01:00.0\n");
}

/* The head nvme0n1 is not a child of nvme0, and nvme1n1 (not shared) is a child of nvme2. */
Test(device_tree, multipath_head_of_two_controllers) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00"), *head, *first, *second, *third;

        first = mock_add_nvme(mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT), "0000:01:00.0",
                              "nvme0");
        second = mock_add_nvme(mock_add_port(host, "0000:00:02.0", MOCK_ROOT_PORT), "0000:02:00.0",
                               "nvme1");
        third = mock_add_nvme(mock_add_port(host, "0000:00:03.0", MOCK_ROOT_PORT), "0000:03:00.0",
                              "nvme2");
        mock_add_hidden_path(first, "nvme0c0n1");
        mock_add_hidden_path(second, "nvme0c1n1");
        head = mock_add_namespace(mock_add_subsystem("nvme-subsys0", "nvme0", "nvme1", NULL),
                                  "nvme0n1");
        mock_add_partition(head, "nvme0n1p1");
        mock_add_namespace(third, "nvme1n1");
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:01.0: bridge < pci0000:00\n"
                    "0000:00:02.0: bridge < pci0000:00\n"
                    "0000:00:03.0: bridge < pci0000:00\n"
                    "0000:01:00.0: controller < 0000:00:01.0, nvme0 (nvme)\n"
                    "0000:02:00.0: controller < 0000:00:02.0, nvme1 (nvme)\n"
                    "0000:03:00.0: controller < 0000:00:03.0, nvme2 (nvme)\n"
                    "nvme0n1: namespace < nvme0 < nvme1 > nvme0n1p1\n"
                    "nvme0n1p1: partition\n"
                    "nvme1n1: namespace < nvme2\n");
}

Test(device_tree, fabrics_beside_a_drive) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        mock_add_nvme(mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT), "0000:01:00.0", "nvme0");
        mock_add_namespace(mock_add_fabrics("nvme1", "tcp"), "nvme1n1");
        mock_add_fabrics("nvme2", "rdma");
        expect_tree("nvme-fabrics: fabrics\n"
                    "nvme1: controller < nvme-fabrics, nvme1 (-)\n"
                    "nvme2: controller < nvme-fabrics, nvme2 (-)\n"
                    "pci0000:00: host bridge\n"
                    "0000:00:01.0: bridge < pci0000:00\n"
                    "0000:01:00.0: controller < 0000:00:01.0, nvme0 (nvme)\n"
                    "nvme1n1: namespace < nvme1\n");
}

/* As in machines of Apple. */
Test(device_tree, a_controller_that_is_no_pci_function_and_no_fabrics) {
        const char *drive = mock_add_platform("27bcc0000.nvme", "nvme0", "apple-nvme");

        mock_add_namespace(drive, "nvme0n1");
        expect_tree("nvme0: controller, nvme0 (-)\n"
                    "nvme0n1: namespace < nvme0\n");
}

Test(device_tree, functions_that_are_not_ours) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        mock_add_function(mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT), "0000:01:00.0",
                          "vfio-pci");
        mock_add_function(mock_add_port(host, "0000:00:02.0", MOCK_ROOT_PORT), "0000:02:00.0",
                          NULL);
        mock_add_function(mock_add_port(host, "0000:00:03.0", MOCK_ROOT_PORT), "0000:03:00.0",
                          "nvme");
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:01.0: bridge < pci0000:00\n"
                    "0000:00:02.0: bridge < pci0000:00\n"
                    "0000:00:03.0: bridge < pci0000:00\n"
                    "0000:01:00.0: foreign controller < 0000:00:01.0, 0000:01:00.0 (vfio-pci)\n"
                    "0000:02:00.0: foreign controller < 0000:00:02.0, 0000:02:00.0 (-)\n"
                    "0000:03:00.0: foreign controller < 0000:00:03.0, 0000:03:00.0 (nvme)\n");
}

/* A drive right below the host bridge, as in virtual machines, with all kinds of holders. */
Test(device_tree, holders_upon_holders) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00"), *disk;

        disk = mock_add_namespace(mock_add_nvme(host, "0000:00:04.0", "nvme0"), "nvme0n1");
        mock_add_partition(disk, "nvme0n1p1");
        mock_add_namespace(mock_add_nvme(host, "0000:00:05.0", "nvme1"), "nvme1n1");
        mock_add_partition(mock_add_holder("md0", "nvme0n1p1", "nvme1n1", NULL), "md0p1");
        mock_add_holder("dm-0", "md0p1", NULL);
        mock_add_holder("dm-1", "dm-0", NULL);
        mock_add_loop("loop0", "/dev/dm-1");
        mock_loop_stands_on("loop0", "dm-1");
        mock_add_loop("loop1", "/srv/image");
        mock_add_holder("bcache0", "loop0", NULL);
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:04.0: controller < pci0000:00, nvme0 (nvme)\n"
                    "0000:00:05.0: controller < pci0000:00, nvme1 (nvme)\n"
                    "bcache0: holder\n"
                    "dm-0: holder > dm-1\n"
                    "dm-1: holder > loop0\n"
                    "loop0: holder > bcache0\n"
                    "md0: holder > md0p1\n"
                    "md0p1: partition > dm-0\n"
                    "nvme0n1: namespace < nvme0 > nvme0n1p1\n"
                    "nvme0n1p1: partition > md0\n"
                    "nvme1n1: namespace < nvme1 > md0\n");
}

Test(device_tree, holders_in_a_circle_end) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        mock_add_namespace(mock_add_nvme(host, "0000:00:04.0", "nvme0"), "nvme0n1");
        mock_add_holder("dm-0", "nvme0n1", NULL);
        mock_add_holder("dm-1", "dm-0", NULL);
        fake_root_link("sys/class/block/dm-1/holders/dm-0", "x");
        fake_root_link("sys/class/block/dm-1/holders/nvme0n1", "x");
        fake_root_link("sys/class/block/dm-1/holders/dm-1", "x");
        fake_root_link("sys/class/block/dm-1/holders/dm-7", "x"); /* gone since */
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:04.0: controller < pci0000:00, nvme0 (nvme)\n"
                    "dm-0: holder > dm-1\n"
                    "dm-1: holder > dm-0 > dm-1 > dm-7 > nvme0n1\n"
                    "dm-7: holder\n"
                    "nvme0n1: namespace < nvme0 > dm-0\n");
}

/* Namespace 1 is attached to one controller of the subsystem, namespace 2 to the other. */
Test(device_tree, a_head_belongs_to_the_controllers_that_have_a_path) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00"), *subsystem, *path;
        Topology topology;

        path = mock_add_nvme(host, "0000:00:04.0", "nvme0");
        mock_count_sectors(mock_add_hidden_path(path, "nvme5c0n1"), 7);
        mock_count_sectors(mock_add_hidden_path(path, "nvme5c0n3"), 1);
        path = mock_add_nvme(host, "0000:00:05.0", "nvme1");
        mock_count_sectors(mock_add_hidden_path(path, "nvme5c1n2"), 100);
        mock_add_hidden_path(path, "nvme5c1n3");
        subsystem = mock_add_subsystem("nvme-subsys5", "nvme0", "nvme1", NULL);
        mock_add_namespace(subsystem, "nvme5n1");
        mock_add_namespace(subsystem, "nvme5n2");
        mock_add_namespace(subsystem, "nvme5n3");
        mock_add_namespace(subsystem, "nvme5n4"); /* of which no path is listed */
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:04.0: controller < pci0000:00, nvme0 (nvme)\n"
                    "0000:00:05.0: controller < pci0000:00, nvme1 (nvme)\n"
                    "nvme5n1: namespace < nvme0\n"
                    "nvme5n2: namespace < nvme1\n"
                    "nvme5n3: namespace < nvme0 < nvme1\n"
                    "nvme5n4: namespace < nvme0 < nvme1\n");
        topology = read_tree();
        /* One path without a counter makes the sum unknown. */
        cr_expect(eq(u64, topology.devices[1].controller->n_sectors, 7 + 1));
        cr_expect(eq(u64, topology.devices[2].controller->n_sectors, UINT64_MAX));
        topology_done(&topology);
}

Test(device_tree, counts_the_sectors_of_all_namespaces_of_a_controller) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00"), *path;
        Topology topology;

        path = mock_add_nvme(host, "0000:00:04.0", "nvme0");
        mock_add_partition(mock_add_namespace(path, "nvme0n1"), "nvme0n1p1");
        mock_count_sectors("sys/class/block/nvme0n1", 5);
        mock_count_sectors(mock_add_namespace(path, "nvme0n2"), 20);
        (void) mock_add_nvme(host, "0000:00:05.0", "nvme1");
        topology = read_tree();
        cr_expect(eq(u64, topology.devices[1].controller->n_sectors, 5 + 20));
        cr_expect(eq(u64, topology.devices[2].controller->n_sectors, 0));
        topology_done(&topology);
}

Test(device_tree, physical_functions_know_how_many_virtual_ones_they_have) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        Topology topology;

        mock_add_nvme(host, "0000:00:04.0", "nvme0");
        mock_add_vf(host, "0000:00:04.1", "nvme1", "0000:00:04.0");
        fake_root_write("sys/devices/pci0000:00/0000:00:04.0/sriov_numvfs", "3\n");
        mock_add_nvme(host, "0000:00:05.0", "nvme2");
        fake_root_write("sys/devices/pci0000:00/0000:00:05.0/sriov_numvfs", "many\n");
        topology = read_tree();
        cr_expect(eq(uint, topology.devices[1].n_vfs, 3));
        cr_expect(eq(uint, topology.devices[2].n_vfs, 0));
        cr_expect(eq(uint, topology.devices[3].n_vfs, UINT_MAX));
        topology_done(&topology);
}

/* The kernel would wait for the device's lock, which its unbind holds until the drive is done. */
Test(device_tree, a_physical_function_that_is_being_unbound_is_not_asked) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        Topology topology;

        mock_add_nvme(host, "0000:00:04.0", "nvme0");
        fake_root_write("sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0/state",
                        "deleting (no IO)\n");
        fake_root_write("sys/devices/pci0000:00/0000:00:04.0/sriov_numvfs", "3\n");
        topology = read_tree();
        cr_expect(eq(uint, topology.devices[1].n_vfs, UINT_MAX));
        topology_done(&topology);
}

/* kubernetes/kubernetes#109132: the path may be of another mount namespace, of a bind mount or of a
 * node that is gone. Only the number can be relied on, even if the path contradicts it. */
Test(device_tree, a_loop_device_is_asked_for_the_number_of_its_backing_device) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        mock_add_namespace(mock_add_nvme(host, "0000:00:04.0", "nvme0"), "nvme0n1");
        mock_add_namespace(mock_add_nvme(host, "0000:00:05.0", "nvme1"), "nvme1n1");
        mock_add_loop("loop0", "/");
        mock_loop_stands_on("loop0", "nvme0n1");
        mock_add_loop("loop1", "/var/lib/kubelet/dev/0001 (deleted)");
        mock_loop_stands_on("loop1", "nvme1n1");
        mock_add_loop("loop2", "/dev/nvme0n1");
        mock_loop_stands_on("loop2", "nvme1n1");
        mock_add_loop("loop3", "/dev/nvme0n1"); /* a file of that name somewhere else */
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:04.0: controller < pci0000:00, nvme0 (nvme)\n"
                    "0000:00:05.0: controller < pci0000:00, nvme1 (nvme)\n"
                    "loop0: holder\n"
                    "loop1: holder\n"
                    "loop2: holder\n"
                    "nvme0n1: namespace < nvme0 > loop0\n"
                    "nvme1n1: namespace < nvme1 > loop1 > loop2\n");
}

static void expect_doubt(const char *doubt) {
        Topology topology = read_tree();

        cr_assert(eq(int, topology.blocks[0].kind, BLOCK_NAMESPACE));
        cr_expect(eq(int, topology.blocks[0].use.kind, doubt ? USE_UNKNOWN : USE_NONE));
        if (doubt)
                cr_expect(eq(str, topology.blocks[0].use.detail, (char *) doubt));
        topology_done(&topology);
}

Test(device_tree, a_loop_device_that_does_not_answer_is_a_doubt_about_all) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        mock_add_namespace(mock_add_nvme(host, "0000:00:04.0", "nvme0"), "nvme0n1");
        mock_add_loop("loop0", "/srv/image");
        expect_doubt(NULL);
        mock_loop_answers("loop0", EPERM);
        expect_doubt("/dev/loop0 does not say which device it stands on: Operation not permitted");
        /* It has a backing file in sysfs but says that it has none. */
        mock_loop_answers("loop0", ENXIO);
        expect_doubt(
                "/dev/loop0 does not say which device it stands on: No such device or address");
        fake_root_remove("dev/loop0");
        expect_doubt("/dev/loop0 does not say which device it stands on: the node is missing");
        fake_root_remove("sys/class/block/loop0/loop");
        expect_doubt(NULL);
}

/* Lookups in a sorted list: in the middle, at both ends and of a missing number. */
Test(device_tree, partitions_and_loops_among_many) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00"), *namespace;
        char disk[16], part[32], loop[16], node[32], address[16];
        Topology topology;

        for (unsigned i = 0; i < 9; i++) {
                snprintf(address, sizeof(address), "0000:00:%02x.0", 16 + i);
                snprintf(disk, sizeof(disk), "nvme%u", i * 5);
                snprintf(part, sizeof(part), "%sn1", disk);
                namespace = mock_add_namespace(mock_add_nvme(host, address, disk), part);
                for (unsigned k = 2; k > 0; k--) {
                        snprintf(part, sizeof(part), "nvme%un1p%u", i * 5, k);
                        mock_add_partition(namespace, part);
                }
                snprintf(loop, sizeof(loop), "loop%u", 40 - i * 5);
                snprintf(node, sizeof(node), "/dev/nvme%un1p2", i * 5);
                mock_add_loop(loop, node);
                mock_loop_stands_on(loop, node + strlen("/dev/"));
        }
        mock_add_loop("loop99", "/srv/image");
        topology = read_tree();
        cr_assert(eq(sz, topology.n_blocks, 9 * 4));
        for (unsigned i = 0; i < 9; i++) {
                size_t above[2], below;

                for (unsigned k = 0; k < 2; k++) {
                        snprintf(part, sizeof(part), "nvme%un1p%u", i * 5, k + 1);
                        above[k] = topology_find_block(&topology, part);
                }
                snprintf(disk, sizeof(disk), "nvme%un1", i * 5);
                below = topology_find_block(&topology, disk);
                snprintf(loop, sizeof(loop), "loop%u", 40 - i * 5);
                cr_assert(above[0] != TOPOLOGY_NONE && above[1] != TOPOLOGY_NONE);
                cr_assert(eq(sz, topology.blocks[below].n_users, 2));
                cr_expect(eq(sz, topology.blocks[below].users[0], above[0]));
                cr_expect(eq(sz, topology.blocks[below].users[1], above[1]));
                cr_expect(eq(sz, topology.blocks[above[0]].n_users, 0));
                cr_assert(eq(sz, topology.blocks[above[1]].n_users, 1), "%s", loop);
                cr_expect(eq(sz, topology.blocks[above[1]].users[0],
                             topology_find_block(&topology, loop)));
        }
        topology_done(&topology);
}

Test(device_tree, vanished_attributes_stay_null) {
        static const char *const names[] = { "model", "serial", "subsysnqn", "transport", "state" };
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        const char *drive = mock_add_nvme(host, "0000:00:04.0", "nvme0");
        const Controller *c;
        Topology topology;
        char path[256];

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                snprintf(path, sizeof(path), "%s/%s", drive, names[i]);
                fake_root_remove(path);
        }
        fake_root_remove("sys/devices/pci0000:00/0000:00:04.0/driver");
        mock_add_namespace(drive, "nvme0n1");
        fake_root_remove("sys/class/block/nvme0n1/dev");
        fake_root_remove("sys/class/block/nvme0n1/holders");
        topology = read_tree();
        c = find_controller(&topology, "0000:00:04.0");
        cr_expect(eq(ptr, c->model, NULL));
        cr_expect(eq(ptr, c->serial, NULL));
        cr_expect(eq(ptr, c->nqn, NULL));
        cr_expect(eq(ptr, c->transport, NULL));
        cr_expect(eq(ptr, c->state, NULL));
        cr_expect(eq(ptr, c->driver, NULL));
        cr_assert(eq(sz, topology.n_blocks, 1));
        cr_expect(eq(u64, topology.blocks[0].devnum, 0));
        topology_done(&topology);
}

/* util-linux#1368: some drives pad their serial number at the start, some have only padding. */
Test(device_tree, blanks_around_an_attribute_are_removed_and_a_blank_one_is_null) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        const char *padded = mock_add_nvme(host, "0000:00:04.0", "nvme0");
        const char *blank = mock_add_nvme(host, "0000:00:05.0", "nvme1");
        const Controller *c;
        Topology topology;
        char path[256];

        snprintf(path, sizeof(path), "%s/serial", padded);
        fake_root_write(path, "                  S1\n");
        snprintf(path, sizeof(path), "%s/model", padded);
        fake_root_write(path, "    A MODEL         \n");
        snprintf(path, sizeof(path), "%s/serial", blank);
        fake_root_write(path, "                    \n");
        snprintf(path, sizeof(path), "%s/model", blank);
        fake_root_write(path, "\n");
        topology = read_tree();
        c = find_controller(&topology, "0000:00:04.0");
        cr_expect(eq(str, c->serial, "S1"));
        cr_expect(eq(str, c->model, "A MODEL"));
        c = find_controller(&topology, "0000:00:05.0");
        cr_expect(eq(ptr, c->serial, NULL));
        cr_expect(eq(ptr, c->model, NULL));
        topology_done(&topology);
}

Test(device_tree, attributes_of_garbage) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        const char *drive = mock_add_nvme(host, "0000:00:04.0", "nvme0");
        char path[256], large[10000];
        const Controller *c;
        Topology topology;

        memset(large, 'x', sizeof(large));
        snprintf(path, sizeof(path), "%s/model", drive);
        fake_root_write_binary(path, "A\x1b[31m\xff\xfe\n", 9);
        snprintf(path, sizeof(path), "%s/serial", drive);
        fake_root_write_binary(path, "S\0N\n", 4);
        snprintf(path, sizeof(path), "%s/subsysnqn", drive);
        fake_root_write_binary(path, large, sizeof(large));
        snprintf(path, sizeof(path), "%s/state", drive);
        fake_root_write_binary(path, "", 0);
        mock_add_namespace(drive, "nvme0n1");
        fake_root_write("sys/class/block/nvme0n1/dev", "259:x\n");
        topology = read_tree();
        c = find_controller(&topology, "0000:00:04.0");
        cr_expect(eq(str, c->model, "A?[31m??"));
        cr_expect(eq(ptr, c->serial, NULL));
        cr_assert(ne(ptr, c->nqn, NULL));
        cr_expect(le(sz, strlen(c->nqn), 4095));
        cr_expect(eq(ptr, c->state, NULL));
        cr_assert(eq(sz, topology.n_blocks, 1));
        cr_expect(eq(u64, topology.blocks[0].devnum, 0));
        topology_done(&topology);
}

/* A listed device may vanish before its directory is read. */
Test(device_tree, vanished_devices_are_left_out) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        const char *drive = mock_add_nvme(host, "0000:00:04.0", "nvme0");

        mock_add_namespace(drive, "nvme0n1");
        mock_add_namespace(mock_add_nvme(host, "0000:00:05.0", "nvme1"), "nvme1n1");
        fake_root_remove(drive);
        expect_tree("pci0000:00: host bridge\n"
                    "0000:00:04.0: foreign controller < pci0000:00, 0000:00:04.0 (nvme)\n"
                    "0000:00:05.0: controller < pci0000:00, nvme1 (nvme)\n"
                    "nvme1n1: namespace < nvme1\n");
}

/* A device that exists but can't be read is not left out: something may stand on it. */
static void expect_failure(const char *path) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        Topology topology = TOPOLOGY_INIT;

        mock_add_namespace(mock_add_nvme(host, "0000:00:04.0", "nvme0"), "nvme0n1");
        mock_fail_open_path(path, EMFILE);
        cr_expect(eq(int, device_tree_read(root_fd, &topology), -EMFILE));
}

Test(device_tree, a_controller_that_can_not_be_opened_is_an_error) {
        expect_failure("sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0");
}

Test(device_tree, a_block_that_can_not_be_opened_is_an_error) {
        expect_failure("sys/devices/pci0000:00/0000:00:04.0/nvme/nvme0/nvme0n1");
}

Test(device_tree, holders_that_cannot_be_listed_are_unknown) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        Topology topology;

        mock_add_namespace(mock_add_nvme(host, "0000:00:04.0", "nvme0"), "nvme0n1");
        fake_root_remove("sys/class/block/nvme0n1/holders");
        fake_root_link("sys/class/block/nvme0n1/holders", "holders"); /* ELOOP */
        topology = read_tree();
        cr_assert(eq(sz, topology.n_blocks, 1));
        cr_expect(eq(int, topology.blocks[0].use.kind, USE_UNKNOWN));
        cr_expect(ne(ptr, strstr(topology.blocks[0].use.detail, "holders of /dev/nvme0n1"), NULL));
        topology_done(&topology);
}

Test(device_tree, sixty_four_drives) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");
        Topology topology;

        for (unsigned i = 0; i < 64; i++) {
                char *port, *address, *name;

                cr_assert(asprintf(&port, "0000:00:%02x.%x", 1 + i / 8, i % 8) > 0);
                cr_assert(asprintf(&address, "0000:%02x:00.0", 1 + i) > 0);
                cr_assert(asprintf(&name, "nvme%u", 63 - i) > 0);
                mock_add_nvme(mock_add_port(host, port, MOCK_ROOT_PORT), address, name);
                free(port);
                free(address);
                free(name);
        }
        topology = read_tree();
        cr_assert(eq(sz, topology.n_devices, 129));
        cr_expect(eq(str, (char *) find_controller(&topology, "0000:40:00.0")->name, "nvme0"));
        topology_done(&topology);
}
