/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/syscall.h>

#include "fake_root.h"
#include "tree/nvme_presence.h"

#define ADDRESS "0000:01:00.0"
#define PCI "sys/bus/pci/devices/" ADDRESS

static NvmePresence now;

/* The controller becomes live when its next attribute has been read. */
static bool becomes_live;

static bool is_attribute(int fd) {
        char link[64], path[512];
        ssize_t n;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        path[n > 0 ? n : 0] = '\0';
        return strstr(path, "/nvme3/state") || strstr(path, "/nvme3/serial");
}

static void replace(const char *path, const char *text) {
        fake_root_remove(path);
        fake_root_write(path, text);
}

ssize_t pread(int fd, void *buffer, size_t size, off_t offset) {
        ssize_t n = syscall(SYS_pread64, fd, buffer, size, offset);

        if (becomes_live && is_attribute(fd)) {
                becomes_live = false;
                replace(PCI "/nvme/nvme3/state", "live\n");
                replace(PCI "/nvme/nvme3/serial", "S-1\n");
        }
        return n;
}

static void setup(void) {
        fake_root_start();
        fake_root_link(PCI "/driver", "../../drivers/nvme");
        /* A missing file stands for a dangling link of sysfs. */
        fake_root_write("sys/bus/pci/drivers/nvme/bind", "");
        fake_root_write(PCI "/nvme/nvme3/serial", "S\x1b-1                \n");
        fake_root_write(PCI "/nvme/nvme3/state", "live\n");
        fake_root_write(PCI "/nvme/nvme3/nvme3n1/size", "1\n");
        fake_root_write(PCI "/nvme/nvme3/ng3n1/dev", "241:0\n");
        fake_root_write("sys/class/block/nvme3n1/dev", "259:4\n");
}

TestSuite(nvme_presence, .init = setup, .fini = fake_root_done, .timeout = 10);

static void look(void) {
        nvme_presence_read(root_fd, ADDRESS, &now);
}

Test(nvme_presence, reads_a_live_controller) {
        look();
        cr_expect(now.is_on_bus && now.is_driven);
        cr_expect(eq(str, now.name, "nvme3"));
        cr_expect(eq(str, now.serial, "S?-1"));
        cr_expect(eq(str, now.state, "live"));
        cr_expect(eq(sz, now.n_namespaces, 1));
}

/* The caller compares it with device_tree_read()'s. */
Test(nvme_presence, blanks_around_a_serial_number_are_removed) {
        fake_root_write(PCI "/nvme/nvme3/serial", "                S-1\n");
        look();
        cr_expect(eq(str, now.serial, "S-1"));
        fake_root_write(PCI "/nvme/nvme3/serial", "                    \n");
        look();
        cr_expect(eq(str, now.serial, ""));
}

Test(nvme_presence, nothing_is_at_an_empty_address) {
        nvme_presence_read(root_fd, "0000:77:00.0", &now);
        cr_expect(not(now.is_on_bus));
        cr_expect(not(now.is_driven));
        cr_expect(eq(str, now.name, ""));
}

Test(nvme_presence, an_unbound_function_is_on_the_bus) {
        fake_root_remove(PCI "/driver");
        fake_root_remove(PCI "/nvme");
        look();
        cr_expect(now.is_on_bus);
        cr_expect(not(now.is_driven));
        cr_expect(eq(str, now.name, ""));
        cr_expect(eq(str, now.state, ""));
}

Test(nvme_presence, a_namespace_without_a_number_is_not_there_yet) {
        fake_root_remove("sys/class/block/nvme3n1");
        look();
        cr_expect(eq(sz, now.n_namespaces, 0));
}

Test(nvme_presence, the_path_of_a_multipath_head_counts_when_the_head_is_there) {
        fake_root_write(PCI "/nvme/nvme3/nvme0c3n7/size", "1\n");
        look();
        cr_expect(eq(sz, now.n_namespaces, 1));
        fake_root_write("sys/class/block/nvme0n7/dev", "259:5\n");
        look();
        cr_expect(eq(sz, now.n_namespaces, 2));
}

Test(nvme_presence, with_udevd_a_namespace_counts_when_udevd_is_done_with_it) {
        fake_root_write("run/udev/control", "");
        look();
        cr_expect(eq(sz, now.n_namespaces, 0));
        fake_root_write("run/udev/data/b259:4", "");
        look();
        cr_expect(eq(sz, now.n_namespaces, 1));
}

/* From systemd 262 on it is a link to the socket, and both go when udevd does not run. */
Test(nvme_presence, udevd_may_have_a_link_in_the_place_of_its_socket) {
        fake_root_link("run/udev/control", "io.systemd.Udev");
        look();
        cr_expect(eq(sz, now.n_namespaces, 1));
        fake_root_write("run/udev/io.systemd.Udev", "");
        look();
        cr_expect(eq(sz, now.n_namespaces, 0));
        fake_root_write("run/udev/data/b259:4", "");
        look();
        cr_expect(eq(sz, now.n_namespaces, 1));
}

Test(nvme_presence, a_live_controller_has_its_serial_number) {
        fake_root_write(PCI "/nvme/nvme3/serial", "(efault)\n");
        fake_root_write(PCI "/nvme/nvme3/state", "connecting\n");
        becomes_live = true;
        look();
        cr_expect(not(becomes_live));
        cr_expect(eq(str, now.state, "connecting"));
        look();
        cr_expect(eq(str, now.state, "live"));
        cr_expect(eq(str, now.serial, "S-1"));
}
