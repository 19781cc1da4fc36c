/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "label/labels.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libudev.h>

#include "base/recorded.h"
#include "fake_root.h"
#include "topology_builder.h"

/* In place of libudev's: a hardware database that knows one vendor and one device of it, whatever the
 * machine that runs the test has. */
static struct udev_hwdb { char modalias[FILENAME_MAX]; } database;

static bool has_database = true;

struct udev_list_entry {
        const char *name, *value;
        struct udev_list_entry *next;
};

static struct udev_list_entry product = { "ID_MODEL_FROM_DATABASE", "PEX 8796\t", NULL };
static struct udev_list_entry other = { "ID_PCI_CLASS_FROM_DATABASE", "Bridge", &product };
static struct udev_list_entry vendor = { "ID_VENDOR_FROM_DATABASE", "PLX \xc3\xa9", &other };

struct udev_hwdb *udev_hwdb_new(struct udev *udev) {
        return has_database ? &database : NULL;
}

struct udev_hwdb *udev_hwdb_unref(struct udev_hwdb *hwdb) {
        return NULL;
}

struct udev_list_entry *udev_hwdb_get_properties_list_entry(struct udev_hwdb *hwdb,
                                                            const char *modalias,
                                                            unsigned int flags) {
        return strncmp(modalias, "pci:v000010B5", 13) == 0 ? &vendor : NULL;
}

struct udev_list_entry *udev_list_entry_get_next(struct udev_list_entry *entry) {
        return entry->next;
}

const char *udev_list_entry_get_name(struct udev_list_entry *entry) {
        return entry->name;
}

const char *udev_list_entry_get_value(struct udev_list_entry *entry) {
        return entry->value;
}

#define ROOT_PORT "0000:00:00.0"
#define SWITCH "0000:02:00.0"
#define DOWNSTREAM "0000:03:00.0"

static Topology topology;
static Labels labels;

/* The devices of build_switch_tree(). */
static void setup(void) {
        fake_root_start();
        build_switch_tree(&topology, 0);
}

static void teardown(void) {
        labels_done(&labels);
        topology_done(&topology);
        fake_root_done();
}

TestSuite(labels, .init = setup, .fini = teardown, .timeout = 20);

static void write_attribute(const char *address, const char *attribute, const char *text) {
        char path[128];

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", address, attribute);
        fake_root_write(path, text);
}

/* length: of config that can be read. */
static void write_config(const char *address, unsigned type, size_t length) {
        uint8_t config[256] = { [0x06] = 0x10, [0x34] = 0x40 };
        char path[128];

        config[0x40] = 0x01; /* power management, then PCI Express */
        config[0x41] = 0x60;
        config[0x60] = 0x10;
        config[0x62] = (uint8_t) (type << 4 | 2);
        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/config", address);
        fake_root_write_binary(path, config, length);
}

static const DeviceLabel *label_of(const char *address) {
        size_t i = topology_find_device(&topology, address);

        cr_assert(ne(sz, i, TOPOLOGY_NONE));
        if (!labels.devices)
                cr_assert(eq(int, labels_read(root_fd, &topology, &labels), 0));
        cr_assert(lt(sz, i, labels.n_devices));
        return &labels.devices[i];
}

static void expect_text(const char *text, const char *expected) {
        cr_assert(eq(int, text != NULL, expected != NULL));
        if (expected)
                cr_expect(eq(str, (char *) text, (char *) expected));
}

Test(labels, a_machine_without_any_name_has_none) {
        const DeviceLabel *label = label_of("0000:01:00.0");

        expect_text(label->port, NULL);
        expect_text(label->vendor, NULL);
        expect_text(label->product, NULL);
        expect_text(label->slot, NULL);
        expect_text(label->content, NULL);
}

Test(labels, kinds_of_ports) {
        write_config(ROOT_PORT, 4, 256);
        write_config(SWITCH, 5, 256);
        write_config(DOWNSTREAM, 6, 256);
        write_config("0000:03:00.1", 7, 256); /* to PCI */
        write_config("0000:01:00.0", 4, 256); /* a drive */
        expect_text(label_of(ROOT_PORT)->port, "root port");
        expect_text(label_of(SWITCH)->port, "upstream port");
        expect_text(label_of(DOWNSTREAM)->port, "downstream port");
        expect_text(label_of("0000:03:00.1")->port, NULL);
        expect_text(label_of("0000:01:00.0")->port, NULL);
}

/* An unprivileged process reads 64 bytes. */
Test(labels, a_port_whose_configuration_is_short_has_no_kind) {
        write_config(ROOT_PORT, 4, 64);
        write_config(SWITCH, 5, 0x62);
        write_config(DOWNSTREAM, 6, 3);
        expect_text(label_of(ROOT_PORT)->port, NULL);
        expect_text(label_of(SWITCH)->port, NULL);
        expect_text(label_of(DOWNSTREAM)->port, NULL);
}

/* Damaged data must not hang the program. */
Test(labels, a_circle_of_capabilities_ends) {
        uint8_t config[256] = { [0x06] = 0x10, [0x34] = 0x40, [0x40] = 0x01, [0x41] = 0x40 };

        fake_root_write_binary("sys/bus/pci/devices/" ROOT_PORT "/config", config, sizeof(config));
        expect_text(label_of(ROOT_PORT)->port, NULL);
}

Test(labels, vendor_and_product_of_the_hardware_database) {
        write_attribute(SWITCH, "modalias",
                        "pci:v000010B5d00008796sv000010B5sd00008796bc06sc04i00\n");
        write_attribute(ROOT_PORT, "modalias", "pci:v00008086d00002030sv0sd0bc06sc04i00\n");
        expect_text(label_of(SWITCH)->vendor, "PLX ??");
        expect_text(label_of(SWITCH)->product, "PEX 8796");
        expect_text(label_of(ROOT_PORT)->vendor, NULL);
        expect_text(label_of(ROOT_PORT)->product, NULL);
}

Test(labels, without_a_hardware_database_there_is_no_vendor) {
        has_database = false;
        write_attribute(SWITCH, "modalias",
                        "pci:v000010B5d00008796sv000010B5sd00008796bc06sc04i00\n");
        expect_text(label_of(SWITCH)->vendor, NULL);
}

Test(labels, the_slot_of_a_device_and_of_a_bus) {
        fake_root_write("sys/bus/pci/slots/12-1/address", "0000:01:00\n");
        fake_root_write("sys/bus/pci/slots/7/address", "0000:04\n");
        fake_root_write("sys/bus/pci/slots/broken/address", "\n");
        fake_root_write("sys/bus/pci/slots/8/address", "0000:05:00\n");
        fake_root_write("sys/bus/pci/slots/longer/address", "0000:02:00.\n");
        write_attribute("0000:01:00.0", "label", "never seen\n");
        expect_text(label_of("0000:01:00.0")->slot, "12-1");
        expect_text(label_of("0000:04:00.0")->slot, "7");
        expect_text(label_of("0000:05:00.0")->slot, "8");
        expect_text(label_of(SWITCH)->slot, NULL);
        expect_text(label_of("pci0000:00")->slot, NULL);
}

Test(labels, the_slot_that_the_firmware_names) {
        write_attribute("0000:01:00.0", "label", "PCIe SSD in Bay 3 \n");
        write_attribute("0000:01:00.0", "firmware_node/sun", "17\n");
        write_attribute("0000:04:00.0", "firmware_node/sun", "18\n");
        write_attribute("0000:05:00.0", "label", "\n");
        expect_text(label_of("0000:01:00.0")->slot, "PCIe SSD in Bay 3");
        expect_text(label_of("0000:04:00.0")->slot, "18");
        expect_text(label_of("0000:05:00.0")->slot, NULL);
}

/* Adds a namespace of nvme0 with a claim or without one. */
static size_t add_namespace(const char *name, UseKind kind) {
        ssize_t block = topology_add_block(&topology, BLOCK_NAMESPACE, name, 0);
        size_t device = topology_find_device(&topology, "0000:01:00.0");

        cr_assert(ge(int, (int) block, 0));
        cr_assert(eq(int, topology_link_controller(&topology, (size_t) block, device), 0));
        use_raise(&topology.blocks[block].use, kind, NULL);
        return (size_t) block;
}

static void add_user(size_t below, BlockKind kind, const char *name) {
        ssize_t block = topology_add_block(&topology, kind, name, 0);

        cr_assert(ge(int, (int) block, 0));
        cr_assert(eq(int, topology_link_user(&topology, below, (size_t) block), 0));
}

/* One controller with a claimed namespace of three partitions, and another that is idle. */
static void build_claim(void) {
        size_t block;

        cr_assert(ge(int, recorded_open_root(fake_root_path(".")), 0));
        block = add_namespace("nvme0n1", USE_CLAIM);
        add_user(block, BLOCK_PARTITION, "nvme0n1p1");
        add_user(block, BLOCK_PARTITION, "nvme0n1p2");
        add_user(block, BLOCK_PARTITION, "nvme0n1p3");
        add_user(block, BLOCK_HOLDER, "md0");
        (void) add_namespace("nvme0n2", USE_NONE);
        fake_root_write("dev/nvme0n1p1", "block 259:1\ncontent vfat\n");
        fake_root_write("dev/nvme0n1p2", "block 259:2\ncontent zfs_member\n");
        fake_root_write("dev/nvme0n1p3", "block 259:3\ncontent zfs_member\n");
        fake_root_write("dev/md0", "block 9:0\ncontent xfs\n");
        fake_root_write("dev/nvme0n2", "block 259:4\ncontent ext4\n");
}

Test(labels, the_content_of_a_claimed_controller) {
        build_claim();
        build_use(&topology, "0000:01:00.0", USE_CLAIM, "the kernel holds a claim on /dev/nvme0n1");
        expect_text(label_of("0000:01:00.0")->content, "vfat, zfs_member");
        expect_text(label_of("0000:04:00.0")->content, NULL);
}

/* A mount says more than what udev found. */
Test(labels, the_content_of_a_mounted_controller_is_not_asked_for) {
        build_claim();
        build_use(&topology, "0000:01:00.0", USE_MOUNT, "/dev/nvme0n1p1 is mounted on /boot/efi");
        expect_text(label_of("0000:01:00.0")->content, NULL);
}
