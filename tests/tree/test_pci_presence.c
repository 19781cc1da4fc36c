/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <fcntl.h>

#include "fake_root.h"
#include "tree/pci_presence.h"

#define ADDRESS "0000:01:00.2"
#define PCI "sys/bus/pci/devices/" ADDRESS

/* Vendor 1b36h, device 0010h, memory and bus master on, a capability list, class 010802h. */
static const uint8_t drive[256] = { 0x36, 0x1b, 0x10, 0x00, 0x06, 0x00,         0x10,
                                    0x00, 0x02, 0x02, 0x08, 0x01, [0x34] = 0x40 };

TestSuite(pci_presence, .init = fake_root_start, .fini = fake_root_done, .timeout = 10);

static void set_config(const uint8_t *config, size_t size) {
        fake_root_write_binary(PCI "/config", config, size);
}

/* By its directory the answer is the same, as long as there is one. */
static int ask(void) {
        int r = pci_presence(root_fd, ADDRESS);
        int fd = openat(root_fd, PCI, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return r;
        cr_expect(eq(int, pci_presence_at(fd), r));
        close_fd(&fd);
        return r;
}

Test(pci_presence, a_drive_answers) {
        set_config(drive, sizeof(drive));
        cr_assert(eq(int, ask(), 1));
}

/* Its identifiers read FFFFh by specification. */
Test(pci_presence, a_virtual_function_answers) {
        uint8_t config[256];

        memcpy(config, drive, sizeof(config));
        memset(config, 0xff, 4);
        set_config(config, sizeof(config));
        cr_assert(eq(int, ask(), 1));
}

/* A single byte that is not all ones is an answer, at any offset. */
Test(pci_presence, the_whole_header_is_read) {
        uint8_t config[64];

        memset(config, 0xff, sizeof(config));
        config[63] = 0;
        set_config(config, sizeof(config));
        cr_assert(eq(int, ask(), 1));
}

/* As of a pulled drive; the kernel may also return this without a bus access. */
Test(pci_presence, all_ones_is_gone) {
        uint8_t config[256];

        memset(config, 0xff, sizeof(config));
        set_config(config, sizeof(config));
        cr_assert(eq(int, ask(), 0));
        set_config(config, 64);
        cr_assert(eq(int, ask(), 0));
}

Test(pci_presence, a_function_that_sysfs_does_not_list_is_gone) {
        cr_assert(eq(int, ask(), 0));
}

Test(pci_presence, an_unreadable_header_proves_nothing) {
        fake_root_write(PCI "/vendor", "0x1b36\n");
        cr_assert(eq(int, ask(), -ENOENT));
        fake_root_write(PCI "/config/not-a-file", "");
        cr_assert(eq(int, ask(), -EISDIR));
}

Test(pci_presence, part_of_a_header_proves_no_absence) {
        uint8_t config[16];

        memset(config, 0xff, sizeof(config));
        set_config(config, sizeof(config));
        cr_assert(eq(int, ask(), -ENODATA));
        set_config(config, 0);
        cr_assert(eq(int, ask(), -ENODATA));
        set_config(drive, 16);
        cr_assert(eq(int, ask(), 1));
}
