/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "record/entry_drive.h"
#include "topology_builder.h"

static Topology topology;
static Entry entry;

/* nvme0 and nvme1 are one drive with two ports; nvme2 is another. */
static void setup(void) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:03:00.0", NULL);
        (void) build_bridge(&topology, DEVICE_ROOT_PORT, "0000:00:01.0", NULL);
        (void) build_bridge(&topology, DEVICE_HOST_BRIDGE, "pci0000:00", NULL);
        (void) build_bridge(&topology, DEVICE_ROOT_PORT, "0000:00:02.0", NULL);
        topology.devices[0].parent = 3;
        topology.devices[1].parent = 5;
        topology.devices[3].parent = topology.devices[5].parent = 4;
        free(topology.devices[1].controller->serial);
        topology.devices[1].controller->serial = strdup("S-nvme0");
}

static void teardown(void) {
        topology_done(&topology);
}

TestSuite(entry_drive, .init = setup, .fini = teardown, .timeout = 10);

static void find(const char *serial, const char *address) {
        entry = (Entry){};
        (void) strcpy(entry.serial, serial);
        (void) strcpy(entry.address, address);
        entry_find_drive(&entry, &topology);
}

Test(entry_drive, all_that_is_known_is_taken_over) {
        entry_set_drive(&entry, &topology, 0);
        cr_expect(eq(str, entry.name, "nvme0"));
        cr_expect(eq(str, entry.address, "0000:01:00.0"));
        cr_expect(eq(str, entry.serial, "S-nvme0"));
        cr_expect(eq(str, entry.model, "Test"));
        cr_expect(eq(str, entry.path, "pci0000:00/0000:00:01.0"));
}

Test(entry_drive, a_drive_is_found_by_its_serial_number) {
        find("S-nvme0", "0000:02:00.0");
        cr_expect(eq(str, entry.model, "Test"));
        cr_expect(eq(str, entry.path, "pci0000:00/0000:00:02.0"));
        find("S-nvme0", "0000:01:00.0");
        cr_expect(eq(str, entry.path, "pci0000:00/0000:00:01.0"));
}

Test(entry_drive, a_drive_that_has_moved_keeps_its_model_only) {
        find("S-nvme0", "0000:03:00.0");
        cr_expect(eq(str, entry.model, "Test"));
        cr_expect(eq(str, entry.path, ""));
}

Test(entry_drive, what_is_not_here_stays_unknown) {
        find("S-other", "0000:01:00.0");
        cr_expect(eq(str, entry.model, ""));
        cr_expect(eq(str, entry.path, ""));
        find("", "0000:01:00.0");
        cr_expect(eq(str, entry.model, ""));
}

Test(entry_drive, what_the_line_told_stays) {
        (void) strcpy(entry.serial, "S-nvme0");
        (void) strcpy(entry.address, "0000:01:00.0");
        (void) strcpy(entry.model, "Other");
        (void) strcpy(entry.path, "elsewhere");
        entry_find_drive(&entry, &topology);
        cr_expect(eq(str, entry.model, "Other"));
        cr_expect(eq(str, entry.path, "elsewhere"));
}
