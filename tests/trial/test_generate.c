/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "trial/generate.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static Topology topology;

static void teardown(void) {
        topology_done(&topology);
}

TestSuite(generate, .fini = teardown, .timeout = 100);

static size_t count(DeviceKind kind) {
        size_t n = 0;

        for (size_t i = 0; i < topology.n_devices; i++)
                n += topology.devices[i].kind == kind;
        return n;
}

Test(generate, a_number_is_controllers_on_root_ports_of_their_own) {
        cr_assert(eq(int, topology_generate("24", &topology), 0));
        cr_expect(eq(sz, count(DEVICE_CONTROLLER), 24));
        cr_expect(eq(sz, count(DEVICE_BRIDGE), 24));
        cr_expect(eq(sz, count(DEVICE_HOST_BRIDGE), 1));
        cr_expect(eq(sz, topology.n_devices, 49));
        cr_expect(eq(sz, topology.n_blocks, 24));
        for (size_t i = 0; i < topology.n_devices; i++) {
                const Device *d = &topology.devices[i];

                cr_expect(eq(sz, topology_find_device(&topology, d->address), i));
                if (d->kind == DEVICE_CONTROLLER)
                        cr_expect(eq(int, topology.devices[d->parent].kind, DEVICE_BRIDGE));
        }
}

Test(generate, hosts_by_ports) {
        cr_assert(eq(int, topology_generate("4x24", &topology), 0));
        cr_expect(eq(sz, count(DEVICE_HOST_BRIDGE), 4));
        cr_expect(eq(sz, count(DEVICE_CONTROLLER), 96));
        cr_expect(ne(sz, topology_find_device(&topology, "pci0003:00"), TOPOLOGY_NONE));
        for (size_t i = 0; i < topology.n_blocks; i++)
                cr_expect(eq(sz, topology.blocks[i].n_controllers, 1));
}

Test(generate, anything_else_is_refused) {
        static const char *const specs[] = { "",          "0",         "-1",
                                             " 2",        "2 ",        "x",
                                             "2x",        "x2",        "0x2",
                                             "2x0",       "1x2x3",     "2*3",
                                             "100001",    "1000x1000", "99999999999999999999",
                                             "4294967297" };

        for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
                cr_expect(eq(int, topology_generate(specs[i], &topology), -EINVAL), "%s", specs[i]);
                cr_expect(eq(sz, topology.n_devices, 0));
        }
}
