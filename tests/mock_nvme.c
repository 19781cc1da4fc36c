/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the machine's files; see mock_nvme.h. */

#include "mock_nvme.h"

#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <umockdev.h>
#include <unistd.h>

#include "mock_nodes.h"

static struct {
        UMockdevTestbed *testbed;
        unsigned next_minor;
        GPtrArray *strings;
} mock;

static char *keep(char *string) {
        g_ptr_array_add(mock.strings, string);
        return string;
}

void mock_start(void) {
        char *root;

        mock.testbed = umockdev_testbed_new();
        g_assert(umockdev_in_mock_environment());
        mock.strings = g_ptr_array_new_with_free_func(g_free);
        root = umockdev_testbed_get_root_dir(mock.testbed);
        fake_root_start_in(root);
        g_free(root);
        fake_root_mkdir("dev");
        fake_root_mkdir("proc/self");
        fake_root_write("proc/self/mountinfo",
                        "21 1 0:20 / / rw,relatime shared:1 - tmpfs tmpfs rw\n"
                        "22 21 0:21 / /proc rw,nosuid - proc proc rw\n");
        fake_root_write("proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

void mock_stop(void) {
        mock_nodes_forget();
        fake_root_done();
        g_ptr_array_unref(mock.strings);
        g_object_unref(mock.testbed);
}

void mock_rename_node(const char *node, const char *other) {
        char *from = keep(g_build_filename("dev", node, NULL));
        char *to = keep(g_build_filename("dev", other, NULL));

        from = keep(g_strdup(fake_root_path(from)));
        if (access(fake_root_path(to), F_OK) == 0)
                fake_root_remove(to);
        g_assert_no_errno(rename(from, fake_root_path(to)));
}

/* A device directory with its uevent file and the links to and from its class or bus ("class/nvme",
 * "bus/pci/devices"), which may be NULL. */
static const char *add_device(const char *above, const char *name, const char *list) {
        char *path = keep(g_build_filename(above, name, NULL));

        fake_root_write(keep(g_build_filename(path, "uevent", NULL)), "");
        if (list) {
                char *subsystem = keep(g_strdup(list)), *base = keep(g_path_get_basename(name));

                if (g_str_has_suffix(subsystem, "/devices"))
                        *strrchr(subsystem, '/') = '\0';
                fake_root_link(keep(g_build_filename(path, "subsystem", NULL)),
                               keep(g_build_filename("/sys", subsystem, NULL)));
                /* relative, from two or three levels below sys/ */
                fake_root_link(
                        keep(g_build_filename("sys", list, base, NULL)),
                        keep(g_build_filename(strchr(list, '/') == strrchr(list, '/') ? "../.."
                                                                                      : "../../..",
                                              path + strlen("sys/"), NULL)));
        }
        return path;
}

static void write_attribute(const char *path, const char *attribute, const char *value) {
        fake_root_write(keep(g_build_filename(path, attribute, NULL)),
                        keep(g_strconcat(value, "\n", NULL)));
}

const char *mock_add_host_bridge(const char *above, const char *name) {
        return add_device(above ? above : "sys/devices", name, NULL);
}

static const char *add_pci(const char *above, const char *address, const char *class,
                           const char *driver) {
        const char *path = add_device(above, address, "bus/pci/devices");

        write_attribute(path, "class", class);
        if (driver)
                fake_root_link(keep(g_build_filename(path, "driver", NULL)),
                               keep(g_build_filename("/sys/bus/pci/drivers", driver, NULL)));
        return path;
}

const char *mock_add_port(const char *above, const char *address, unsigned type) {
        const char *path = add_pci(above, address, "0x060400", "pcieport");
        guint8 config[256] = { [0x06] = 0x10, [0x0e] = 0x01, [0x34] = 0x40 };

        config[0x40] = 0x01; /* power management, then PCI Express */
        config[0x41] = 0x60;
        config[0x60] = 0x10;
        config[0x62] = (guint8) (type << 4 | 2);
        fake_root_write_binary(keep(g_build_filename(path, "config", NULL)), config,
                               sizeof(config));
        return path;
}

const char *mock_add_vmd(const char *above, const char *address) {
        return add_pci(above, address, "0x010400", "vmd");
}

const char *mock_add_function(const char *above, const char *address, const char *driver) {
        return add_pci(above, address, "0x010802", driver);
}

static const char *add_char(const char *path, const char *node, unsigned major) {
        unsigned minor = mock.next_minor++;

        mock_nodes_add(node, S_IFCHR, makedev(major, minor));
        fake_root_link(keep(g_strdup_printf("sys/dev/char/%u:%u", major, minor)),
                       keep(g_build_filename("../..", path + strlen("sys/"), NULL)));
        return path;
}

static const char *add_controller(const char *above, const char *name, const char *transport) {
        const char *path = add_device(above, name, "class/nvme");

        write_attribute(path, "model", "MOCK DRIVE 7                            ");
        write_attribute(path, "serial", keep(g_strdup_printf("SN-%s", strrchr(path, '/') + 1)));
        write_attribute(path, "subsysnqn", "nqn.2024-01.org.example:mock");
        write_attribute(path, "transport", transport);
        write_attribute(path, "state", "live");
        return add_char(path, strrchr(path, '/') + 1, 240);
}

const char *mock_add_nvme(const char *above, const char *address, const char *name) {
        return add_controller(mock_add_function(above, address, "nvme"),
                              keep(g_build_filename("nvme", name, NULL)), "pcie");
}

const char *mock_add_vf(const char *above, const char *address, const char *name,
                        const char *physfn) {
        const char *path = mock_add_nvme(above, address, name);

        fake_root_link(keep(g_build_filename(above, address, "physfn", NULL)),
                       keep(g_build_filename("..", physfn, NULL)));
        return path;
}

const char *mock_add_fabrics(const char *name, const char *transport) {
        return add_controller("sys/devices/virtual/nvme-fabrics/ctl", name, transport);
}

const char *mock_add_platform(const char *device, const char *name, const char *transport) {
        return add_controller("sys/devices/platform/soc",
                              keep(g_build_filename(device, "nvme", name, NULL)), transport);
}

static unsigned block_major(const char *name) {
        if (g_str_has_prefix(name, "dm-"))
                return 253;
        if (g_str_has_prefix(name, "md"))
                return 9;
        return g_str_has_prefix(name, "loop") ? 7 : 259;
}

static const char *add_block(const char *above, const char *name) {
        const char *path = add_device(above, name, "class/block");
        dev_t devnum = makedev(block_major(name), mock.next_minor++);

        mock_nodes_add(name, S_IFBLK, devnum);
        write_attribute(path, "dev", keep(g_strdup_printf("%u:%u", major(devnum), minor(devnum))));
        fake_root_mkdir(keep(g_build_filename(path, "holders", NULL)));
        return path;
}

const char *mock_add_namespace(const char *above, const char *name) {
        const char *path = add_block(above, name);

        write_attribute(path, "hidden", "0");
        return path;
}

const char *mock_add_hidden_path(const char *controller, const char *name) {
        const char *path = add_device(controller, name, "class/block");

        write_attribute(path, "hidden", "1");
        return path;
}

const char *mock_add_subsystem(const char *name, ...) {
        const char *path, *controller;
        va_list args;

        path = add_device("sys/devices/virtual/nvme-subsystem", name, "class/nvme-subsystem");
        va_start(args, name);
        while ((controller = va_arg(args, const char *)))
                fake_root_link(keep(g_build_filename(path, controller, NULL)),
                               keep(g_build_filename("/sys/class/nvme", controller, NULL)));
        va_end(args);
        return path;
}

const char *mock_add_partition(const char *disk, const char *name) {
        const char *path = add_block(disk, name);

        write_attribute(path, "partition", name + strlen(name) - 1);
        return path;
}

const char *mock_add_holder(const char *name, ...) {
        const char *path = add_block("sys/devices/virtual/block", name), *held;
        va_list args;

        va_start(args, name);
        while ((held = va_arg(args, const char *)))
                fake_root_link(
                        keep(g_build_filename("sys/class/block", held, "holders", name, NULL)),
                        keep(g_build_filename("/", path, NULL)));
        va_end(args);
        return path;
}

const char *mock_add_loop(const char *name, const char *backing) {
        const char *path = add_block("sys/devices/virtual/block", name);

        write_attribute(path, "loop/backing_file", backing);
        return path;
}

void mock_loop_stands_on(const char *loop, const char *node) {
        mock_nodes_set_backing(loop, mock_devnum(node));
}

void mock_loop_answers(const char *loop, int error) {
        mock_nodes_fail_backing(loop, error);
}

void mock_count_sectors(const char *path, unsigned n) {
        write_attribute(path, "stat",
                        keep(g_strdup_printf("1 0 %u 1 0 0 0 0 0 2 2 0 0 0 0 0 0", n)));
}

const char *mock_add_generic(const char *above, const char *name) {
        return add_char(add_device(above, name, "class/nvme-generic"), name, 241);
}

dev_t mock_devnum(const char *node) {
        return mock_nodes_devnum(node);
}

void mock_mount(const char *node, const char *point, const char *type) {
        dev_t devnum = mock_devnum(node);

        fake_root_append(
                "proc/self/mountinfo",
                keep(g_strdup_printf("40 21 %u:%u / %s ro,relatime shared:9 - %s /dev/%s ro\n",
                                     major(devnum), minor(devnum), point, type, node)));
}

void mock_mount_anonymous(const char *source, const char *point, const char *type) {
        fake_root_append(
                "proc/self/mountinfo",
                keep(g_strdup_printf("41 21 0:77 /@sub %s rw - %s %s rw\n", point, type, source)));
}

void mock_swap(const char *path, const char *type) {
        fake_root_append("proc/swaps",
                         keep(g_strdup_printf("%-39s %s\t1048572\t\t0\t\t-2\n", path, type)));
}

void mock_add_btrfs(const char *uuid, ...) {
        const char *member;
        va_list args;

        va_start(args, uuid);
        while ((member = va_arg(args, const char *)))
                fake_root_link(
                        keep(g_build_filename("sys/fs/btrfs", uuid, "devices", member, NULL)),
                        keep(g_build_filename("../../../../class/block", member, NULL)));
        va_end(args);
}

void mock_add_process(int pid, const char *comm) {
        fake_root_write(keep(g_strdup_printf("proc/%d/comm", pid)),
                        keep(g_strconcat(comm, "\n", NULL)));
        fake_root_write(keep(g_strdup_printf("proc/%d/maps", pid)),
                        "5580-5590 r-xp 00000000 00:14 77                 /usr/bin/thing\n"
                        "7ffc-7ffd rw-p 00000000 00:00 0                  [stack]\n");
        fake_root_mkdir(keep(g_strdup_printf("proc/%d/fd", pid)));
}

void mock_open_file(int pid, int fd, const char *node) {
        fake_root_link(keep(g_strdup_printf("proc/%d/fd/%d", pid, fd)),
                       keep(g_build_filename("../../../dev", node, NULL)));
}

void mock_map_file(int pid, const char *path, const char *node) {
        unsigned n = mock.next_minor++;

        fake_root_append(
                keep(g_strdup_printf("proc/%d/maps", pid)),
                keep(g_strdup_printf("%08x000-%08x800 rw-s 00000000 00:05 %u          %s\n", n, n,
                                     n, path)));
        fake_root_link(keep(g_strdup_printf("proc/%d/map_files/%x000-%x800", pid, n, n)),
                       keep(g_build_filename("../../../dev", node, NULL)));
}

void mock_fail_open(const char *node, int error) {
        mock_nodes_fail(node, error);
}

void mock_fail_open_path(const char *path, int error) {
        mock_nodes_fail_path(path, error);
}

unsigned mock_count_opens(const char *node) {
        return mock_nodes_count_opens(node);
}

void mock_uevent(const char *path, const char *action) {
        umockdev_testbed_uevent(mock.testbed, keep(g_build_filename("/", path, NULL)), action);
}

/* libudev checks that the directory to which the number leads has that number. It takes properties from
 * the uevent as well as from its database, which umockdev does not mock. */
void mock_udev_found(const char *path, const char *property, const char *value) {
        const char *name = strrchr(path, '/') + 1;
        dev_t devnum = mock_devnum(name);
        char *link = keep(g_strdup_printf("sys/dev/block/%u:%u", major(devnum), minor(devnum)));
        char *uevent = keep(g_build_filename(path, "uevent", NULL));

        if (access(fake_root_path(link), F_OK) != 0) {
                fake_root_link(link, keep(g_build_filename("../..", path + strlen("sys/"), NULL)));
                fake_root_append(uevent, keep(g_strdup_printf("MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n",
                                                              major(devnum), minor(devnum), name)));
        }
        fake_root_append(uevent, keep(g_strdup_printf("%s=%s\n", property, value)));
}
