/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/stat.h>

#include "fake_root.h"
#include "topology_builder.h"
#include "tree/times.h"

static Topology topology;

static void setup(void) {
        fake_root_start();
        fake_root_write("run/x", "");
        (void) build_bridge(&topology, DEVICE_BRIDGE, "0000:00:01.0", NULL);
        for (unsigned i = 0; i < 4; i++) {
                char name[16], address[16];

                (void) snprintf(name, sizeof(name), "nvme%u", i);
                (void) snprintf(address, sizeof(address), "0000:%02x:00.0", i + 1);
                (void) build_nvme(&topology, name, address, NULL);
        }
        cr_assert(eq(int, topology_sort(&topology), 0));
}

static void teardown(void) {
        topology_done(&topology);
        fake_root_done();
}

TestSuite(times, .init = setup, .fini = teardown, .timeout = 30);

static Controller *nvme(unsigned i) {
        char address[16];

        (void) snprintf(address, sizeof(address), "0000:%02x:00.0", i + 1);
        return topology.devices[topology_find_device(&topology, address)].controller;
}

/* Reads into a machine of which nothing is known. */
static int reread(void) {
        for (unsigned i = 0; i < 4; i++)
                nvme(i)->rtd3e_usec = 0;
        return times_read(root_fd, &topology);
}

static bool is_nothing_known(void) {
        for (unsigned i = 0; i < 4; i++)
                if (nvme(i)->rtd3e_usec != 0)
                        return false;
        return true;
}

Test(times, outlive_the_writer) {
        nvme(0)->rtd3e_usec = 7000000;
        nvme(1)->rtd3e_usec = 9000000;
        nvme(2)->rtd3e_usec = 5;
        free(nvme(2)->serial);
        nvme(2)->serial = strdup("S 1 2");
        cr_assert(eq(int, times_write(root_fd, &topology), 3));
        cr_assert(eq(int, reread(), 3));
        cr_expect(eq(u64, nvme(0)->rtd3e_usec, 7000000));
        cr_expect(eq(u64, nvme(1)->rtd3e_usec, 9000000));
        cr_expect(eq(u64, nvme(2)->rtd3e_usec, 5));
        cr_expect(eq(u64, nvme(3)->rtd3e_usec, 0));
}

Test(times, are_written_anew) {
        nvme(0)->rtd3e_usec = 7;
        cr_assert(eq(int, times_write(root_fd, &topology), 1));
        nvme(0)->rtd3e_usec = 0;
        nvme(1)->rtd3e_usec = 8;
        cr_assert(eq(int, times_write(root_fd, &topology), 1));
        cr_assert(eq(int, reread(), 1));
        cr_expect(eq(u64, nvme(0)->rtd3e_usec, 0));
}

Test(times, another_drive_in_the_same_slot_has_none) {
        nvme(0)->rtd3e_usec = nvme(1)->rtd3e_usec = 7;
        cr_assert(eq(int, times_write(root_fd, &topology), 2));
        free(nvme(0)->serial);
        nvme(0)->serial = strdup("S-other");
        free(nvme(1)->serial);
        nvme(1)->serial = NULL;
        cr_expect(eq(int, reread(), 0));
        cr_expect(is_nothing_known());
}

Test(times, none_are_no_error_and_no_time) {
        cr_expect(eq(int, reread(), -ENOENT));
        fake_root_write(TIMES_PATH, "");
        cr_expect(eq(int, reread(), 0));
        cr_expect(is_nothing_known());
}

/* The first line of each is whole: it must not count either. */
Test(times, a_broken_file_sets_nothing) {
        static const char *const ends[] = {
                "x",
                "\n",
                "5\n",
                "5 0000:02:00.0\n",
                "5 0000:02:00.0 \n",
                "5  S-nvme1\n",
                "-5 0000:02:00.0 S-nvme1\n",
                "0 0000:02:00.0 S-nvme1\n",
                " 5 0000:02:00.0 S-nvme1\n",
                "5.5 0000:02:00.0 S-nvme1\n",
                "4294967296 0000:02:00.0 S-nvme1\n",
                "99999999999999999999999 0000:02:00.0 S-nvme1\n",
                "5 0000:02:00.0 S-nvme1",
        };

        for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                char text[128];

                (void) snprintf(text, sizeof(text), "7 0000:01:00.0 S-nvme0\n%s", ends[i]);
                fake_root_write(TIMES_PATH, text);
                cr_expect(eq(int, reread(), -EBADMSG), "%s", ends[i]);
                cr_expect(is_nothing_known(), "%s", ends[i]);
        }
        fake_root_write_binary(TIMES_PATH, "7 0000:01:00.0 S-nvme0\n\0", 24);
        cr_expect(eq(int, reread(), -EBADMSG));
}

Test(times, a_device_that_is_no_controller_is_passed_over) {
        fake_root_write(TIMES_PATH, "7 0000:00:01.0 S-nvme0\n7 0000:ff:00.0 S-nvme0\n"
                                    "8 0000:01:00.0 S-nvme0\n");
        cr_expect(eq(int, reread(), 1));
        cr_expect(eq(u64, nvme(0)->rtd3e_usec, 8));
}

Test(times, only_a_file_of_root_counts) {
        static const char line[] = "7 0000:01:00.0 S-nvme0\n";

        fake_root_write(TIMES_PATH, line);
        cr_assert(eq(int, chmod(fake_root_path(TIMES_PATH), 0664), 0));
        cr_expect(eq(int, reread(), -EPERM));
        cr_assert(eq(int, chmod(fake_root_path(TIMES_PATH), 0646), 0));
        cr_expect(eq(int, reread(), -EPERM));
        cr_assert(eq(int, chmod(fake_root_path(TIMES_PATH), 0644), 0));
        cr_expect(eq(int, reread(), geteuid() == 0 ? 1 : -EPERM));
        if (geteuid() == 0) {
                cr_assert(eq(int, chown(fake_root_path(TIMES_PATH), 1, 0), 0));
                cr_expect(eq(int, reread(), -EPERM));
        }
        fake_root_remove(TIMES_PATH);
        fake_root_write("run/elsewhere", line);
        fake_root_link(TIMES_PATH, "../elsewhere");
        cr_expect(eq(int, reread(), -ELOOP));
        fake_root_remove(TIMES_PATH);
        cr_assert(eq(int, mkfifo(fake_root_path(TIMES_PATH), 0600), 0));
        cr_expect(eq(int, reread(), -EPERM));
        cr_expect(is_nothing_known());
}

Test(times, a_huge_file_is_not_read) {
        char *text = malloc(300 * 1024);

        cr_assert(ne(ptr, text, NULL));
        memset(text, '1', 300 * 1024);
        fake_root_write_binary(TIMES_PATH, text, 300 * 1024);
        free(text);
        cr_expect(eq(int, reread(), -EFBIG));
}

Test(times, say_where_they_can_not_be_kept) {
        fake_root_write(TIMES_DIRECTORY, "a file in the way");
        cr_expect(lt(int, times_write(root_fd, &topology), 0));
}
