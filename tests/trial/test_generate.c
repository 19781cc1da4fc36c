/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include "trial/generate.h"

static Topology topology;

static void teardown(void) {
        topology_done(&topology);
}

TestSuite(generate, .fini = teardown, .timeout = 100);

static void generate(const char *spec) {
        char why[256] = "";

        cr_assert(eq(int, topology_generate(spec, &topology, why, sizeof(why)), 0), "%s: %s", spec,
                  why);
}

static size_t count(DeviceKind kind) {
        size_t n = 0;

        for (size_t i = 0; i < topology.n_devices; i++)
                n += topology.devices[i].kind == kind;
        return n;
}

static const Device *parent_of(const Device *device) {
        cr_assert(ne(sz, device->parent, TOPOLOGY_NONE));
        return &topology.devices[device->parent];
}

static const Device *first(DeviceKind kind) {
        for (size_t i = 0; i < topology.n_devices; i++)
                if (topology.devices[i].kind == kind)
                        return &topology.devices[i];
        cr_fatal("no %s", device_kind_to_string(kind));
        return NULL;
}

Test(generate, a_number_is_controllers_on_root_ports_of_their_own) {
        generate("24");
        cr_expect(eq(sz, count(DEVICE_CONTROLLER), 24));
        cr_expect(eq(sz, count(DEVICE_ROOT_PORT), 24));
        cr_expect(eq(sz, count(DEVICE_HOST_BRIDGE), 1));
        cr_expect(eq(sz, topology.n_devices, 49));
        cr_expect(eq(int, parent_of(first(DEVICE_CONTROLLER))->kind, DEVICE_ROOT_PORT));
        for (size_t i = 0; i < topology.n_devices; i++)
                cr_expect(eq(sz, topology_find_device(&topology, topology.devices[i].address), i));
}

Test(generate, two_levels_of_switches_behind_four_host_bridges) {
        generate("4*host/switch:24/switch:24/nvme");
        cr_expect(eq(sz, count(DEVICE_HOST_BRIDGE), 4));
        cr_expect(eq(sz, count(DEVICE_ROOT_PORT), 4));
        cr_expect(eq(sz, count(DEVICE_UPSTREAM_PORT), 4 + 4 * 24));
        cr_expect(eq(sz, count(DEVICE_DOWNSTREAM_PORT), 4 * 24 + 4 * 24 * 24));
        cr_expect(eq(sz, count(DEVICE_CONTROLLER), 2304));
        cr_expect(eq(int, parent_of(parent_of(first(DEVICE_CONTROLLER)))->kind,
                     DEVICE_UPSTREAM_PORT));
}

Test(generate, a_vmd_has_a_domain_of_its_own) {
        generate("2*host/2*vmd/12*nvme");
        cr_expect(eq(sz, count(DEVICE_VMD), 4));
        cr_expect(eq(sz, count(DEVICE_HOST_BRIDGE), 2 + 4));
        cr_expect(eq(sz, count(DEVICE_CONTROLLER), 48));
        cr_expect(eq(int, parent_of(parent_of(parent_of(first(DEVICE_CONTROLLER))))->kind,
                     DEVICE_VMD));
        cr_expect(ne(sz, topology_find_device(&topology, "pci10003:00"), TOPOLOGY_NONE));
}

Test(generate, virtual_functions_lead_to_their_physical_one) {
        size_t n = 0;

        generate("3*nvme:vf=16");
        for (size_t i = 0; i < topology.n_devices; i++) {
                const Device *d = &topology.devices[i];

                if (d->physfn == TOPOLOGY_NONE)
                        continue;
                n++;
                cr_assert(eq(sz, topology.devices[d->physfn].physfn, TOPOLOGY_NONE));
                cr_assert(eq(sz, topology.devices[d->physfn].parent, d->parent));
        }
        cr_expect(eq(sz, n, 48));
        cr_expect(eq(sz, count(DEVICE_CONTROLLER), 51));
}

Test(generate, a_subsystem_shares_namespace_and_name) {
        generate("2*nvme:ctrl=3");
        cr_expect(eq(sz, count(DEVICE_CONTROLLER), 6));
        cr_assert(eq(sz, topology.n_blocks, 2));
        for (size_t b = 0; b < 2; b++) {
                const Block *block = &topology.blocks[b];

                cr_assert(eq(sz, block->n_controllers, 3));
                for (size_t i = 0; i < 3; i++)
                        cr_expect(eq(str, topology.devices[block->controllers[i]].controller->nqn,
                                     topology.devices[block->controllers[0]].controller->nqn));
        }
}

Test(generate, trees_stand_side_by_side) {
        generate("2+host/switch:4/nvme+host/vmd/nvme:vf=1");
        cr_expect(eq(sz, count(DEVICE_CONTROLLER), 8));
        cr_expect(eq(sz, count(DEVICE_HOST_BRIDGE), 4));
}

struct bad_row {
        char spec[80];
        int error;
        char why[120];
};

ParameterizedTestParameters(generate, says_what_is_wrong_and_where) {
        static struct bad_row rows[] = {
                { "", -EINVAL, "at character 1 (\"\"): must be host, vmd, switch:N or nvme" },
                { "0", -EINVAL, "at character 1 (\"0\"): must be a number from 1 to 1000000" },
                { "1000001", -EINVAL,
                  "at character 1 (\"1000001\"): must be a number from 1 to 1000000" },
                { "3x", -EINVAL, "at character 2 (\"x\"): not understood" },
                { "switch", -EINVAL,
                  "at character 7 (\"\"): its number of ports is missing, as in switch:24" },
                { "switch:4/host", -EINVAL, "at character 10 (\"host\"): host can't stand there" },
                { "switch:4/vmd", -EINVAL, "at character 10 (\"vmd\"): vmd can't stand there" },
                { "nvme/nvme", -EINVAL,
                  "at character 6 (\"nvme\"): nothing can stand below an nvme" },
                { "nvme:lba=3", -EINVAL, "at character 6 (\"lba=3\"): vf= or ctrl= is missing" },
                { "nvme:vf=70000", -EINVAL,
                  "at character 9 (\"70000\"): must be a number from 1 to 65535" },
                { "2*host/3", -EINVAL,
                  "at character 9 (\"\"): \"*\" and what there are so many of is missing" },
                { "2+", -EINVAL, "at character 3 (\"\"): must be host, vmd, switch:N or nvme" },
                { "1000*host/1000*nvme", -E2BIG,
                  "at character 20 (\"\"): more than 1000000 devices" },
                { "1000000*nvme:ctrl=256,vf=65535", -E2BIG,
                  "at character 31 (\"\"): more than 1000000 devices" },
        };

        return cr_make_param_array(struct bad_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct bad_row *row, generate, says_what_is_wrong_and_where) {
        char why[256] = "";

        cr_expect(eq(int, topology_generate(row->spec, &topology, why, sizeof(why)), row->error));
        cr_expect(eq(str, why, row->why));
        cr_expect(eq(sz, topology.n_devices, 0));
}
