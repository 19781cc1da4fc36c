/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/recorded.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "fake_root.h"
#include "tree/block_node.h"
#include "tree/loop_backing.h"

static int fd = -1;

static void setup(void) {
        fake_root_start();
        fd = recorded_open_root(fake_root_path(""));
        cr_assert(ge(int, fd, 0));
}

static void teardown(void) {
        (void) close(fd);
        fake_root_done();
}

TestSuite(recorded, .init = setup, .fini = teardown, .timeout = 20);

Test(recorded, a_plain_file_stands_for_a_node) {
        mode_t type;
        dev_t devnum;

        fake_root_write("dev/nvme0n1", "block 259:7\nclaim 16\n");
        fake_root_write("dev/nvme0", "char 240:0\n");
        fake_root_write("dev/file", "block of text\n");
        fake_root_link("dev/link", "nvme0n1");
        cr_assert(eq(int, file_stat_node(fd, "dev/nvme0n1", 0, &type, &devnum), 0));
        cr_expect(eq(uint, type, S_IFBLK));
        cr_expect(eq(u64, devnum, makedev(259, 7)));
        cr_assert(eq(int, file_stat_node(fd, "dev/link", 0, &type, &devnum), 0));
        cr_expect(eq(uint, type, S_IFBLK));
        cr_assert(eq(int, file_stat_node(fd, "dev/nvme0", 0, &type, &devnum), 0));
        cr_expect(eq(uint, type, S_IFCHR));
        cr_assert(eq(int, file_stat_node(fd, "dev/file", 0, &type, &devnum), 0));
        cr_expect(eq(uint, type, S_IFREG));
}

Test(recorded, a_node_answers_as_it_did) {
        LoopBacking loops[] = { { .name = "loop0", .devnum = makedev(7, 0) },
                                { .name = "loop1", .devnum = makedev(7, 1) },
                                { .name = "loop2", .devnum = makedev(7, 2) } };
        int node;

        fake_root_write("dev/nvme0n1", "block 259:7\nclaim 16\n");
        fake_root_write("dev/nvme1n1", "block 259:8\n");
        fake_root_write("dev/nvme2n1", "block 259:9\nclaim all\n");
        fake_root_write("dev/loop0", "block 7:0\nbacking 259:8\n");
        fake_root_write("dev/loop1", "block 7:1\nbacking 0:0\n");
        fake_root_write("dev/loop2", "block 7:2\n");
        cr_expect(eq(int, block_node_open(fd, "nvme0n1", makedev(259, 7), true), -EBUSY));
        cr_expect(eq(int, block_node_open(fd, "nvme0n1", makedev(259, 8), true), -ESTALE));
        cr_expect(eq(int, block_node_open(fd, "nvme2n1", makedev(259, 9), true), -EBADMSG));
        cr_expect(eq(int, block_node_open(fd, "nvme3n1", makedev(259, 9), true), -ENOENT));
        node = block_node_open(fd, "nvme1n1", makedev(259, 8), true);
        cr_expect(ge(int, node, 0));
        (void) close(node);
        loop_backing_ask(fd, loops, ARRAY_SIZE(loops));
        cr_expect(eq(int, loops[0].error, 0));
        cr_expect(eq(u64, loops[0].backing, makedev(259, 8)));
        cr_expect(eq(int, loops[1].error, 0));
        cr_expect(eq(u64, loops[1].backing, 0));
        cr_expect(eq(int, loops[2].error, -ENODATA));
}

/* A pipe stands for the device: to open it would be seen by who waits at its other end. */
Test(recorded, no_node_of_this_machine_is_opened) {
        _cleanup_free_ char *text = NULL;

        fake_root_write("dev/x", "");
        cr_assert(eq(int, mkfifo(fake_root_path("dev/pipe"), 0600), 0));
        fake_root_link("dev/null", "/dev/null");
        fake_root_link("self", "self");
        cr_expect(eq(int, file_open(fd, "dev/pipe", O_RDONLY), -EPERM));
        cr_expect(eq(int, file_read(fd, "dev/pipe", &text), -EPERM));
        cr_expect(eq(int, file_read_all(fd, "dev/null", 100, &text), -EPERM));
        cr_expect(eq(int, block_node_open(fd, "null", makedev(1, 3), true), -ESTALE));
        cr_expect(eq(int, file_read(fd, "self", &text), -ELOOP));
        cr_expect(eq(int, file_read(fd, "missing", &text), -ENOENT));
}
