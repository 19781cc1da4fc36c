/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "model/topology.h"
#include "topology_builder.h"

Test(topology, sorts_by_numbers_and_rewrites_indices) {
        static const char *const expected[] = { "0000:01:00.0", "0000:01:00.1", "0000:02:00.0",
                                                "0000:0a:00.0", "0000:ff:1f.7", "10000:00:02.0" };
        Topology t = TOPOLOGY_INIT;

        (void) build_nvme(&t, "nvme5", "10000:00:02.0", NULL);
        (void) build_nvme(&t, "nvme4", "0000:ff:1f.7", NULL);
        (void) build_nvme(&t, "nvme0", "0000:0a:00.0", NULL);
        (void) build_nvme(&t, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&t, "nvme2", "0000:01:00.1", NULL);
        (void) build_nvme(&t, "nvme3", "0000:01:00.0", NULL);
        build_physfn(&t, "0000:01:00.1", "0000:01:00.0");
        t.devices[1].parent = 0;
        cr_assert(eq(int, topology_sort(&t), 0));
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                cr_expect(eq(str, t.devices[i].address, (char *) expected[i]));
        cr_expect(eq(sz, t.devices[1].physfn, 0));
        cr_expect(eq(sz, t.devices[4].parent, 5));
        topology_done(&t);
}

Test(topology, sorts_host_bridges_by_domain_and_bus) {
        Topology t = TOPOLOGY_INIT;

        (void) build_bridge(&t, DEVICE_HOST_BRIDGE, "pci10000:00", NULL);
        (void) build_bridge(&t, DEVICE_HOST_BRIDGE, "pci0000:17", NULL);
        (void) build_bridge(&t, DEVICE_HOST_BRIDGE, "pci0000:00", NULL);
        cr_assert(eq(int, topology_sort(&t), 0));
        cr_expect(eq(str, t.devices[0].address, "pci0000:00"));
        cr_expect(eq(str, t.devices[1].address, "pci0000:17"));
        cr_expect(eq(str, t.devices[2].address, "pci10000:00"));
        topology_done(&t);
}

Test(topology, sorts_blocks_naturally_and_keeps_their_links) {
        Topology t = TOPOLOGY_INIT;
        ssize_t ten, two, part;

        cr_assert(ge(sz, build_nvme(&t, "nvme1", "0000:02:00.0", NULL), 0));
        cr_assert(ge(sz, build_nvme(&t, "nvme0", "0000:01:00.0", NULL), 0));
        ten = topology_add_block(&t, BLOCK_NAMESPACE, "nvme10n1", 10);
        two = topology_add_block(&t, BLOCK_NAMESPACE, "nvme2n1", 2);
        part = topology_add_block(&t, BLOCK_PARTITION, "nvme2n1p1", 3);
        cr_assert(ten >= 0 && two >= 0 && part >= 0);
        cr_assert(eq(int, topology_link_user(&t, (size_t) two, (size_t) part), 0));
        cr_assert(eq(int, topology_link_user(&t, (size_t) two, (size_t) part), 0));
        cr_assert(eq(int, topology_link_controller(&t, (size_t) ten, 0), 0));
        cr_assert(eq(int, topology_sort(&t), 0));
        cr_expect(eq(str, t.blocks[0].name, "nvme2n1"));
        cr_expect(eq(str, t.blocks[1].name, "nvme2n1p1"));
        cr_expect(eq(str, t.blocks[2].name, "nvme10n1"));
        cr_expect(eq(sz, t.blocks[0].n_users, 1));
        cr_expect(eq(sz, t.blocks[0].users[0], 1));
        cr_expect(eq(str, t.devices[t.blocks[2].controllers[0]].address, "0000:02:00.0"));
        topology_done(&t);
}

Test(topology, finds_by_name_address_and_number) {
        Topology t = TOPOLOGY_INIT;

        cr_assert(topology_add_block(&t, BLOCK_NAMESPACE, "nvme0n1", 259) == 0);
        cr_assert(topology_add_block(&t, BLOCK_HOLDER, "md0", 0) == 1);
        cr_expect(eq(sz, topology_find_block(&t, "md0"), 1));
        cr_expect(eq(sz, topology_find_devnum(&t, 259), 0));
        /* 0 means "unknown": it must not find the block whose number is unknown. */
        cr_expect(eq(sz, topology_find_devnum(&t, 0), TOPOLOGY_NONE));
        cr_expect(eq(sz, topology_find_block(&t, "nvme0"), TOPOLOGY_NONE));
        cr_expect(eq(sz, topology_find_device(&t, "0000:01:00.0"), TOPOLOGY_NONE));
        topology_done(&t);
}

Test(topology, keeps_the_more_important_use) {
        Use use = {};

        use_raise(&use, USE_HOLDER, strdup("md0 stands on it"));
        use_raise(&use, USE_ROOT, strdup("is mounted on /"));
        use_raise(&use, USE_SWAP, strdup("is swapped on"));
        cr_expect(eq(int, use.kind, USE_ROOT));
        cr_expect(eq(str, use.detail, "is mounted on /"));
        free(use.detail);
}

Test(topology, is_empty_after_done_and_sorts_nothing) {
        Topology t = TOPOLOGY_INIT;

        cr_expect(eq(int, topology_sort(&t), 0));
        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        topology_done(&t);
        cr_expect(eq(sz, t.n_devices, 0));
        topology_done(&t);
}

Test(topology, names_every_kind) {
        for (DeviceKind kind = 0; kind < _DEVICE_KIND_MAX; kind++)
                cr_expect(ne(ptr, (void *) device_kind_to_string(kind), NULL));
        for (UseKind kind = 0; kind < _USE_KIND_MAX; kind++)
                cr_expect(ne(ptr, (void *) use_kind_to_string(kind), NULL));
        cr_expect(eq(ptr, (void *) device_kind_to_string(_DEVICE_KIND_INVALID), NULL));
        cr_expect(eq(ptr, (void *) use_kind_to_string(_USE_KIND_MAX), NULL));
}

/* The index must follow the elements to where sorting puts them. */
Test(topology, finds_each_element_before_and_after_sorting) {
        Topology t = TOPOLOGY_INIT;

        for (unsigned i = 0; i < 300; i++) {
                char address[32], name[32];

                (void) snprintf(address, sizeof(address), "0000:%02x:00.0", 299 - i);
                (void) snprintf(name, sizeof(name), "nvme%un1", 299 - i);
                cr_assert(ge(int, (int) topology_add_device(&t, DEVICE_BRIDGE, address), 0));
                cr_assert(ge(int, (int) topology_add_block(&t, BLOCK_NAMESPACE, name, i + 1), 0));
                cr_assert(eq(sz, topology_find_device(&t, address), i));
        }
        cr_assert(eq(int, topology_sort(&t), 0));
        for (size_t i = 0; i < 300; i++) {
                cr_assert(eq(sz, topology_find_device(&t, t.devices[i].address), i));
                cr_assert(eq(sz, topology_find_block(&t, t.blocks[i].name), i));
                cr_assert(eq(sz, topology_find_devnum(&t, t.blocks[i].devnum), i));
        }
        cr_expect(eq(sz, topology_find_device(&t, "0001:00:00.0"), TOPOLOGY_NONE));
        topology_done(&t);
}
