/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that keep a device open or mapped. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "inuse/inuse.h"
#include "mock_nvme.h"
#include "tree/device_tree.h"

static void two_drives(void) {
        const char *host, *disk, *drive;

        mock_start();
        host = mock_add_host_bridge(NULL, "pci0000:00");
        drive = mock_add_nvme(host, "0000:00:04.0", "nvme0");
        disk = mock_add_namespace(drive, "nvme0n1");
        mock_add_partition(disk, "nvme0n1p1");
        mock_add_generic(drive, "ng0n1");
        drive = mock_add_nvme(host, "0000:00:05.0", "nvme1");
        mock_add_namespace(drive, "nvme1n1");
        fake_root_write("dev/plain", "a plain file");
        mock_add_process(1, "systemd");
        mock_open_file(1, 0, "plain");
}

TestSuite(inuse_processes, .init = two_drives, .fini = mock_stop, .timeout = 20);

static void expect_one(const Topology *topology, const char *name, UseKind kind,
                       const char *detail) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Controller *c = topology->devices[i].controller;

                if (!c || !STREQ(c->name, name))
                        continue;
                cr_expect(eq(str, (char *) use_kind_to_string(c->use.kind),
                             (char *) use_kind_to_string(kind)),
                          "%s: %s", name, c->use.detail ?: "-");
                if (detail)
                        cr_expect(c->use.detail && strstr(c->use.detail, detail), "%s: %s", name,
                                  c->use.detail ?: "-");
        }
}

static void expect_both(UseKind first, const char *first_detail, UseKind second,
                        const char *second_detail) {
        Topology topology = TOPOLOGY_INIT;

        cr_assert(eq(int, device_tree_read(root_fd, &topology), 0));
        cr_assert(eq(int, inuse_mark(root_fd, &(InuseOptions){}, &topology), 0));
        cr_assert(eq(int, inuse_mark_open(root_fd, &topology), 0));
        cr_assert(eq(int, inuse_mark_mapped(root_fd, &topology), 0));
        expect_one(&topology, "nvme0", first, first_detail);
        expect_one(&topology, "nvme1", second, second_detail);
        topology_done(&topology);
}

Test(inuse_processes, none_has_a_drive_open) {
        fake_root_mkdir("proc/irq");
        fake_root_write("proc/12ab/fd/3", "");
        mock_open_file(1, 7, "no-such-file");
        expect_both(USE_NONE, NULL, USE_NONE, NULL);
}

Test(inuse_processes, open_partition) {
        mock_add_process(4711, "qemu \x1b[1m");
        mock_open_file(4711, 3, "plain");
        mock_open_file(4711, 17, "nvme0n1p1");
        expect_both(USE_OPEN, "/dev/nvme0n1p1 is open in qemu ?[1m[4711]", USE_NONE, NULL);
}

/* As in a container or a chroot: only the number counts, not the name. */
Test(inuse_processes, open_node_of_another_name) {
        mock_add_process(4711, "qemu");
        mock_rename_node("nvme1n1", "vda");
        mock_open_file(4711, 17, "vda");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in qemu[4711]");
}

Test(inuse_processes, open_holder) {
        mock_add_holder("dm-0", "nvme1n1", NULL);
        mock_add_process(9, "cp");
        mock_open_file(9, 3, "dm-0");
        expect_both(USE_NONE, NULL, USE_HOLDER, "/dev/nvme1n1 is held by dm-0");
}

Test(inuse_processes, open_controller) {
        mock_add_process(711, "smartd");
        mock_open_file(711, 4, "nvme1");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1 is open in smartd[711]");
}

Test(inuse_processes, open_generic_namespace) {
        mock_add_process(711, "fio");
        mock_open_file(711, 4, "ng0n1");
        expect_both(USE_OPEN, "/dev/ng0n1 is open in fio[711]", USE_NONE, NULL);
}

Test(inuse_processes, open_generic_head) {
        const char *subsystem = mock_add_subsystem("nvme-subsys5", "nvme1", NULL);

        mock_add_generic(subsystem, "ng5n1");
        mock_add_process(711, "fio");
        mock_open_file(711, 4, "ng5n1");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/ng5n1 is open in fio[711]");
}

/* systemd#12621: a process whose leader has ended looks like a zombie without files, but its
 * threads live. */
Test(inuse_processes, open_in_a_thread) {
        mock_add_process(4711, "svc");
        mock_open_file(4711, 3, "plain");
        fake_root_mkdir("proc/4711/task/4711");
        fake_root_link("proc/4711/task/4712/fd/5", "../../../../../dev/nvme1n1");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in svc[4711]");
}

Test(inuse_processes, a_thread_that_may_not_be_looked_at) {
        mock_add_process(4711, "svc");
        fake_root_mkdir("proc/4711/task/4711");
        fake_root_mkdir("proc/4711/task/4712/fd");
        mock_fail_open_path("proc/4711/task/4712/fd", EACCES);
        expect_both(USE_UNKNOWN, "/proc/4711/task/4712/fd: Permission denied", USE_UNKNOWN, "4712");
}

/* A second call only replaces the fdinfo of the ring. */
static void add_ring(const char *lines) {
        static bool is_there;

        if (!is_there) {
                mock_add_process(4711, "db");
                fake_root_link("proc/4711/fd/5", "anon_inode:[io_uring]");
        }
        is_there = true;
        fake_root_write("proc/4711/fdinfo/5", lines);
}

#define RING "pos:\t0\nSqMask:\t0x3\nCQEs:\t1\n    0: user_data:1, res:0, flag:0\nSqThread:\t-1\n"

/* liburing#1627, liburing#375: the file was registered and the descriptor closed. Linux 6.7 and
 * later print the first form, earlier kernels the second. */
Test(inuse_processes, registered_with_a_ring) {
        add_ring(RING "UserFiles:\t2\n    0: socket:[4711]\n    1: /dev/nvme1n1\nUserBufs:\t0\n");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in db[4711]");
        add_ring(RING
                 "UserFiles:\t3\n    0: <none>\n    1: data.db\n    2: nvme1n1\nUserBufs:\t0\n");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in db[4711]");
}

/* In the /dev of a container; and a deleted node of which only the name is left. */
Test(inuse_processes, registered_by_another_name) {
        mock_rename_node("nvme1n1", "vda");
        fake_root_link("proc/4711/root/dev/xvdb", "../../../../dev/vda");
        add_ring(RING "UserFiles:\t1\n    0: /xvdb\nUserBufs:\t0\n");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in db[4711]");
        fake_root_remove("proc/4711/root");
        fake_root_remove("dev/vda");
        add_ring(RING "UserFiles:\t1\n    0: /gone/nvme1n1\\040(deleted)\nUserBufs:\t0\n");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in db[4711]");
}

Test(inuse_processes, registered_plain_files_are_no_use) {
        fake_root_write("proc/4711/root/srv/data", "");
        add_ring(RING
                 "UserFiles:\t3\n    0: /srv/data\n    1: /memfd:x\\040(deleted)\n    2: TCP\n");
        expect_both(USE_NONE, NULL, USE_NONE, NULL);
}

Test(inuse_processes, registered_and_not_to_be_found_is_a_doubt) {
        add_ring(RING "UserFiles:\t1\n    0: /gone/xvdb\\040(deleted)\nUserBufs:\t0\n");
        expect_both(USE_UNKNOWN, "/gone/xvdb, registered with io_uring by process 4711",
                    USE_UNKNOWN, "No such file");
}

/* The kernel leaves the files out while another thread has the ring's lock. */
Test(inuse_processes, a_busy_ring_is_a_doubt) {
        add_ring(RING "UserFiles:\t3\nUserBufs:\t0\n");
        expect_both(USE_UNKNOWN, "/proc/4711/fdinfo/5: Device or resource busy", USE_UNKNOWN,
                    "busy");
        add_ring(RING);
        expect_both(USE_UNKNOWN, "/proc/4711/fdinfo/5: Device or resource busy", USE_UNKNOWN,
                    "busy");
        add_ring(RING "UserFiles:\t0\nUserBufs:\t0\n");
        expect_both(USE_NONE, NULL, USE_NONE, NULL);
}

/* The path belongs to the process's own mount namespace, or is gone: only the number counts. */
Test(inuse_processes, mapped_after_closing) {
        mock_add_process(8, "db");
        mock_map_file(8, "/dev/zero (deleted)", "plain");
        mock_map_file(8, "/mnt/xvdb", "nvme1n1");
        mock_map_file(8, "/usr/lib/x.so", "plain");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in db[8]");
}

/* Two processes map the same library. One of them also maps a drive, through a file with the same
 * inode number on another file system. */
Test(inuse_processes, one_look_at_each_file_is_enough) {
        mock_add_process(8, "a");
        mock_add_process(9, "b");
        fake_root_write("proc/8/maps",
                        "10-20 r-xp 0 08:01 9   /lib/x.so\n30-40 rw-s 0 08:02 9   /srv/y\n");
        fake_root_write("proc/9/maps",
                        "10-20 r-xp 0 08:01 9   /lib/x.so\n30-40 rw-s 0 08:03 9   /srv/z\n");
        fake_root_link("proc/8/map_files/10-20", "../../../dev/plain");
        fake_root_link("proc/8/map_files/30-40", "../../../dev/plain");
        fake_root_link("proc/9/map_files/30-40", "../../../dev/nvme1n1");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in b[9]");
}

/* The line has no newline, and the mapping has changed meanwhile. */
Test(inuse_processes, mapped_as_the_last_line) {
        mock_add_process(8, "db");
        fake_root_remove("dev/nvme1n1");
        fake_root_write("proc/8/maps", "7f00-7f01 rw-s 0 00:05 9   /dev/nvme1n1 (deleted)");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in db[8]");
}

/* The leader has no memory any more. /proc has its threads, too, but does not list them. */
Test(inuse_processes, mapped_by_a_thread_whose_leader_has_ended) {
        mock_add_process(8, "db");
        fake_root_write("proc/8/maps", "");
        fake_root_mkdir("proc/8/task/8");
        fake_root_mkdir("proc/8/task/12/fd");
        fake_root_write("proc/12/maps", "7f00-7f01 rw-s 0 00:05 9   /xvdb\n");
        fake_root_link("proc/12/map_files/7f00-7f01", "../../../dev/nvme1n1");
        fake_root_mkdir("proc/12/fd");
        expect_both(USE_NONE, NULL, USE_OPEN, "/dev/nvme1n1 is open in");
}

Test(inuse_processes, maps_that_are_not_understood) {
        mock_add_process(8, "db");
        fake_root_write("proc/8/maps", "nonsense\n");
        expect_both(USE_UNKNOWN, "/proc/8/maps: not understood", USE_UNKNOWN, "not understood");
}

Test(inuse_processes, the_own_process_is_left_out) {
        mock_add_process(getpid(), "nvme-async-shut");
        mock_open_file(getpid(), 3, "nvme1n1");
        expect_both(USE_NONE, NULL, USE_NONE, NULL);
}

Test(inuse_processes, one_that_ends_meanwhile) {
        fake_root_mkdir("proc/77");
        mock_add_process(78, "gone");
        fake_root_remove("proc/78/maps");
        mock_add_process(79, "nameless");
        fake_root_remove("proc/79/comm");
        mock_open_file(79, 3, "nvme0n1");
        expect_both(USE_OPEN, "process[79]", USE_NONE, NULL);
}

Test(inuse_processes, one_that_may_not_be_looked_at) {
        mock_add_process(4711, "secret");
        mock_fail_open_path("proc/4711/fd", EACCES);
        expect_both(USE_UNKNOWN, "/proc/4711/fd: Permission denied", USE_UNKNOWN,
                    "/proc/4711/fd: Permission denied");
}

Test(inuse_processes, maps_that_may_not_be_looked_at) {
        mock_add_process(4711, "secret");
        mock_fail_open_path("proc/4711/maps", EPERM);
        expect_both(USE_UNKNOWN, "/proc/4711/maps: Operation not permitted", USE_UNKNOWN,
                    "/proc/4711/maps: ");
}

Test(inuse_processes, no_proc_at_all) {
        fake_root_remove("proc");
        expect_both(USE_UNKNOWN, "/proc", USE_UNKNOWN, "/proc");
}
