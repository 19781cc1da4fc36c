/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Machines that are recorded: the readers find the same there. */

#include "trial/snapshot.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/recorded.h"
#include "fake_root.h"
#include "label/labels.h"
#include "label/zfs_members.h"
#include "mock_nvme.h"
#include "stage/survey.h"
#include "trial/rtd3e.h"

static char directory[] = "snapshot-XXXXXX";
static int to_fd = -1;
static Topology live, again;
static Config config;
static Lines unknown;

static void setup(void) {
        mock_start();
        cr_assert(ne(ptr, mkdtemp(directory), NULL));
        to_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        cr_assert(ge(int, to_fd, 0));
        config_set_defaults(&config);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void teardown(void) {
        (void) close(to_fd);
        (void) nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        topology_done(&live);
        topology_done(&again);
        lines_done(&unknown);
        mock_stop();
}

TestSuite(snapshot, .init = setup, .fini = teardown, .timeout = 60);

static void look(int fd, bool claim, Topology *ret) {
        const SurveyOptions options = { .claim = claim };
        Plan plan;

        cr_assert(eq(int, survey(fd, &config, &options, ret, &plan), 0));
        plan_done(&plan);
}

static void record(bool claim) {
        int recorded_fd;

        look(root_fd, claim, &live);
        cr_assert(eq(int, snapshot_write(root_fd, &live, claim, &unknown, to_fd), 0));
        recorded_fd = recorded_open_root(directory);
        cr_assert(ge(int, recorded_fd, 0));
        look(recorded_fd, true, &again);
        (void) close(recorded_fd);
}

static bool has_text(const char *a, const char *b) {
        return a && b ? STREQ(a, b) : a == b;
}

static void expect_use(const Use *found, const Use *expected, const char *name) {
        cr_expect(eq(int, found->kind, expected->kind), "%s: %s", name, found->detail ?: "-");
        cr_expect(has_text(found->detail, expected->detail), "%s: \"%s\", live \"%s\"", name,
                  found->detail ?: "-", expected->detail ?: "-");
}

static void expect_device(const Device *found, const Device *expected) {
        const Controller *a = found->controller, *b = expected->controller;

        cr_expect(eq(str, found->address, expected->address));
        cr_expect(eq(int, found->kind, expected->kind));
        cr_expect(eq(sz, found->parent, expected->parent));
        cr_expect(eq(sz, found->physfn, expected->physfn));
        cr_expect(eq(uint, found->n_vfs, expected->n_vfs));
        cr_assert(eq(int, !a, !b));
        if (!a)
                return;
        cr_expect(eq(str, a->name, b->name));
        cr_expect(has_text(a->model, b->model));
        cr_expect(has_text(a->serial, b->serial));
        cr_expect(has_text(a->nqn, b->nqn));
        cr_expect(has_text(a->transport, b->transport));
        cr_expect(has_text(a->state, b->state));
        cr_expect(has_text(a->driver, b->driver));
        cr_expect(eq(u64, a->n_sectors, b->n_sectors));
        expect_use(&a->use, &b->use, a->name);
}

static void expect_block(const Block *found, const Block *expected) {
        cr_expect(eq(str, found->name, expected->name));
        cr_expect(eq(int, found->kind, expected->kind));
        cr_expect(eq(u64, found->devnum, expected->devnum));
        cr_assert(eq(sz, found->n_users, expected->n_users));
        for (size_t i = 0; i < found->n_users; i++)
                cr_expect(eq(sz, found->users[i], expected->users[i]));
        cr_assert(eq(sz, found->n_controllers, expected->n_controllers));
        for (size_t i = 0; i < found->n_controllers; i++)
                cr_expect(eq(sz, found->controllers[i], expected->controllers[i]));
        expect_use(&found->use, &expected->use, found->name);
}

static void expect_the_same(void) {
        cr_assert(eq(sz, again.n_devices, live.n_devices));
        for (size_t i = 0; i < live.n_devices; i++)
                expect_device(&again.devices[i], &live.devices[i]);
        cr_assert(eq(sz, again.n_blocks, live.n_blocks));
        for (size_t i = 0; i < live.n_blocks; i++)
                expect_block(&again.blocks[i], &live.blocks[i]);
}

/* A drive with a namespace of its own on a root port of its own. Returns its disk. */
static const char *add_drive(const char *host, unsigned n) {
        char address[32], port[32], name[16], disk[16];

        (void) snprintf(port, sizeof(port), "0000:00:%02x.0", n + 1);
        (void) snprintf(address, sizeof(address), "0000:%02x:00.0", n + 1);
        (void) snprintf(name, sizeof(name), "nvme%u", n);
        (void) snprintf(disk, sizeof(disk), "nvme%un1", n);
        return mock_add_namespace(
                mock_add_nvme(mock_add_port(host, port, MOCK_ROOT_PORT), address, name), disk);
}

static UseKind kind_of(const char *address) {
        size_t i = topology_find_device(&again, address);

        cr_assert(ne(sz, i, TOPOLOGY_NONE));
        return again.devices[i].controller->use.kind;
}

Test(snapshot, an_empty_machine) {
        record(true);
        cr_expect(eq(sz, again.n_devices, 0));
        cr_expect(eq(sz, unknown.n, 0));
}

Test(snapshot, every_use_is_found_again) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00"), *first;

        first = add_drive(host, 0);
        for (unsigned i = 1; i < 13; i++)
                (void) add_drive(host, i);
        mock_add_partition(first, "nvme0n1p1");
        mock_mount("nvme0n1p1", "/", "ext4");
        mock_swap("/dev/nvme1n1", "partition");
        mock_add_holder("md0", "nvme2n1", NULL);
        mock_mount("md0", "/srv", "xfs");
        mock_fail_open("nvme3n1", EBUSY);
        mock_fail_open("nvme4n1", EIO);
        mock_add_process(711, "my program");
        mock_open_file(711, 4, "nvme5n1");
        mock_add_process(712, "smartd");
        mock_open_file(712, 3, "nvme6");
        mock_add_process(713, "a[b]c");
        mock_map_file(713, "/dev/elsewhere", "nvme7n1");
        mock_add_btrfs("1-2-3", "nvme8n1", "nvme12n1", NULL);
        mock_mount_anonymous("/dev/nvme8n1", "/data", "btrfs");
        fake_root_write("sys/kernel/config/nvmet/subsystems/s/namespaces/1/device_path",
                        "/dev/nvme9n1\n");
        fake_root_write("sys/kernel/config/nvmet/subsystems/p/passthru/device_path",
                        "/dev/nvme10\n");
        mock_add_loop("loop0", "/in/a/container");
        mock_loop_stands_on("loop0", "nvme11n1");
        mock_add_loop("loop1", "/some/file");
        record(true);
        expect_the_same();
        cr_expect(eq(int, kind_of("0000:01:00.0"), USE_ROOT));
        cr_expect(eq(int, kind_of("0000:02:00.0"), USE_SWAP));
        cr_expect(eq(int, kind_of("0000:03:00.0"), USE_MOUNT));
        cr_expect(eq(int, kind_of("0000:04:00.0"), USE_CLAIM));
        cr_expect(eq(int, kind_of("0000:05:00.0"), USE_UNKNOWN));
        cr_expect(eq(int, kind_of("0000:06:00.0"), USE_OPEN));
        cr_expect(eq(int, kind_of("0000:07:00.0"), USE_OPEN));
        cr_expect(eq(int, kind_of("0000:08:00.0"), USE_OPEN));
        cr_expect(eq(int, kind_of("0000:09:00.0"), USE_MOUNT));
        cr_expect(eq(int, kind_of("0000:0a:00.0"), USE_TARGET));
        cr_expect(eq(int, kind_of("0000:0b:00.0"), USE_TARGET));
        cr_expect(eq(int, kind_of("0000:0c:00.0"), USE_HOLDER));
        cr_expect(eq(int, kind_of("0000:0d:00.0"), USE_BTRFS));
        cr_expect(eq(sz, unknown.n, 0));
}

Test(snapshot, every_kind_of_device_is_found_again) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00"), *port, *up, *inner;
        const char *first, *second;

        port = mock_add_port(host, "0000:00:01.0", MOCK_ROOT_PORT);
        up = mock_add_port(port, "0000:01:00.0", MOCK_UPSTREAM_PORT);
        port = mock_add_port(up, "0000:02:00.0", MOCK_DOWNSTREAM_PORT);
        first = mock_add_nvme(port, "0000:03:00.0", "nvme0");
        mock_add_vf(port, "0000:03:00.1", "nvme1", "0000:03:00.0");
        fake_root_write(
                "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:00.0/0000:03:00.0/"
                "sriov_numvfs",
                "1\n");
        mock_add_function(port, "0000:03:00.2", "vfio-pci");
        inner = mock_add_host_bridge(mock_add_vmd(host, "0000:00:0e.0"), "pci10000:00");
        second = mock_add_nvme(mock_add_port(inner, "10000:00:02.0", MOCK_ROOT_PORT),
                               "10000:01:00.0", "nvme2");
        mock_add_hidden_path(first, "nvme0c0n1");
        mock_add_hidden_path(second, "nvme0c2n1");
        mock_count_sectors("sys/class/block/nvme0c0n1", 7);
        mock_add_namespace(mock_add_subsystem("nvme-subsys0", "nvme0", "nvme2", NULL), "nvme0n1");
        mock_add_namespace(mock_add_fabrics("nvme3", "tcp"), "nvme3n1");
        record(true);
        expect_the_same();
        cr_expect(eq(sz, again.blocks[topology_find_block(&again, "nvme0n1")].n_controllers, 2));
}

static void expect_text(const char *text, const char *expected) {
        cr_assert(ne(ptr, (void *) text, NULL));
        cr_expect(eq(str, (char *) text, (char *) expected));
}

Test(snapshot, the_names_for_people_are_found_again) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00"), *disk, *partition;
        const Block block = { .name = (char *) "nvme0n1p1" };
        _cleanup_free_ char *pool = NULL;
        char modalias[64];
        Labels labels;

        disk = add_drive(host, 0);
        (void) add_drive(host, 1);
        mock_fail_open("nvme0n1", EBUSY);
        mock_udev_found(disk, "ID_FS_TYPE", "drbd");
        partition = mock_add_partition(disk, "nvme0n1p1");
        mock_udev_found(partition, "ID_FS_TYPE", "zfs_member");
        mock_udev_found(partition, "ID_FS_LABEL", "tank");
        fake_root_write("sys/bus/pci/slots/12-1/address", "0000:01:00\n");
        fake_root_write("sys/devices/pci0000:00/0000:00:02.0/0000:02:00.0/label", "Bay 2\n");
        fake_root_write("sys/devices/pci0000:00/0000:00:02.0/modalias", "pci:v00008086\n");
        record(true);
        cr_assert(eq(int, labels_read(to_fd, &again, &labels), 0));
        for (size_t i = 0; i < again.n_devices; i++) {
                const char *address = again.devices[i].address;

                if (STREQ(address, "0000:00:01.0"))
                        expect_text(labels.devices[i].port, "root port");
                if (STREQ(address, "0000:01:00.0")) {
                        expect_text(labels.devices[i].slot, "12-1");
                        expect_text(labels.devices[i].content, "drbd, zfs_member");
                }
                if (STREQ(address, "0000:02:00.0"))
                        expect_text(labels.devices[i].slot, "Bay 2");
        }
        labels_done(&labels);
        cr_assert(eq(int, zfs_member_find_pool(to_fd, &block, &pool), 0));
        expect_text(pool, "tank");
        cr_assert(ge(int,
                     file_read_printable(to_fd, "sys/bus/pci/devices/0000:00:02.0/modalias",
                                         modalias, sizeof(modalias)),
                     0));
        expect_text(modalias, "pci:v00008086");
}

Test(snapshot, what_cannot_be_read_is_a_doubt_there_too) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        (void) add_drive(host, 0);
        fake_root_mkdir("sys/class/block/nvme0n1/holders");
        mock_fail_open_path("sys/class/block/nvme0n1/holders", EACCES);
        record(true);
        cr_expect(eq(int, kind_of("0000:01:00.0"), USE_UNKNOWN));
        cr_assert(eq(sz, unknown.n, 1));
        cr_expect(eq(str, unknown.items[0], "/sys/class/block/nvme0n1/holders: Permission denied"));
}

Test(snapshot, a_process_that_may_not_be_looked_at_is_a_doubt_there_too) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        (void) add_drive(host, 0);
        mock_add_process(711, "secret");
        mock_fail_open_path("proc/711/fd", EACCES);
        record(true);
        cr_expect(eq(int, kind_of("0000:01:00.0"), USE_UNKNOWN));
        cr_expect(eq(sz, unknown.n, 1));
}

Test(snapshot, a_loop_device_that_does_not_answer_is_a_doubt_there_too) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        (void) add_drive(host, 0);
        mock_add_loop("loop0", "/some/file");
        mock_loop_answers("loop0", EIO);
        record(true);
        cr_expect(eq(int, kind_of("0000:01:00.0"), USE_UNKNOWN));
        cr_expect(eq(sz, unknown.n, 1));
}

Test(snapshot, without_claims_no_drive_is_opened) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        (void) add_drive(host, 0);
        mock_fail_open("nvme0n1", EBUSY);
        record(false);
        cr_expect(eq(uint, mock_count_opens("nvme0n1"), 0));
        expect_the_same();
        cr_expect(eq(int, kind_of("0000:01:00.0"), USE_NONE));
}

Test(snapshot, no_file_of_the_drives_but_those_that_are_read) {
        const char *host = mock_add_host_bridge(NULL, "pci0000:00");

        (void) add_drive(host, 0);
        fake_root_write("sys/class/nvme/nvme0/secret", "x\n");
        fake_root_write("etc/nvme-async-shutdown.conf", "[Shutdown]\nEnabled=yes\n");
        fake_root_write("etc/shadow", "x\n");
        fake_root_write("images/disk", "x\n");
        fake_root_write("sys/kernel/config/nvmet/subsystems/s/namespaces/1/device_path",
                        "/images/disk\n");
        record(true);
        cr_expect(file_exists(to_fd, "etc/nvme-async-shutdown.conf"));
        cr_expect(file_exists(to_fd, "sys/class/nvme/nvme0/serial"));
        cr_expect(not(file_exists(to_fd, "sys/class/nvme/nvme0/secret")));
        cr_expect(not(file_exists(to_fd, "etc/shadow")));
        expect_the_same();
}
