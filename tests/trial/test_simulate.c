/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "topology_builder.h"
#include "trial/simulate.h"

#define SECOND USEC_PER_SEC

static Topology topology;
static Config config;
static Simulation simulation;

/* The switch tree; nvme0 takes one second, nvme1 two, nvme2 three. */
static void setup(void) {
        config = build_config();
        build_switch_tree(&topology, 0);
        cr_assert(eq(int, topology_sort(&topology), 0));
        for (size_t i = 0, n = 0; i < topology.n_devices; i++)
                if (topology.devices[i].controller)
                        topology.devices[i].controller->rtd3e_usec = ++n * SECOND;
}

static void teardown(void) {
        simulation_done(&simulation);
        topology_done(&topology);
}

TestSuite(simulate, .init = setup, .fini = teardown, .timeout = 10);

static void run(Order order) {
        cr_assert(eq(int, simulate(&topology, &config, order, &simulation), 0));
        cr_assert(eq(int, simulation.order, order));
}

Test(simulate, hierarchy_costs_the_longest_chain) {
        run(ORDER_HIERARCHY);
        cr_expect(eq(u64, simulation.elapsed_usec, 3 * SECOND));
        cr_expect(eq(u64, simulation.chain_usec, 3 * SECOND));
        cr_expect(eq(u64, simulation.busy_usec, 6 * SECOND));
        cr_expect(eq(sz, simulation.peak, 3));
        cr_expect(eq(uint, simulation_utilisation(&simulation), 66));
        cr_assert(eq(sz, simulation.n_waves, 1));
        cr_expect(eq(sz, simulation.waves[0].n_controllers, 3));
        cr_expect(eq(u64, simulation.waves[0].longest_usec, 3 * SECOND));
}

Test(simulate, serial_costs_the_sum_whatever_the_deadline) {
        config.timeout_usec = SECOND;
        run(ORDER_SERIAL);
        cr_expect(eq(u64, simulation.elapsed_usec, 6 * SECOND));
        cr_expect(eq(u64, simulation.chain_usec, 6 * SECOND));
        cr_expect(eq(sz, simulation.peak, 1));
        cr_expect(eq(uint, simulation_utilisation(&simulation), 100));
        cr_assert(eq(sz, simulation.n_waves, 3));
        cr_expect(eq(u64, simulation.waves[2].start_usec, 5 * SECOND));
}

Test(simulate, what_stays_is_the_kernels) {
        build_use(&topology, "0000:05:00.0", USE_ROOT, "/dev/nvme2n1 is mounted on /");
        run(ORDER_HIERARCHY);
        cr_expect(eq(u64, simulation.kernel_usec, 3 * SECOND));
        cr_expect(eq(u64, simulation.elapsed_usec, 2 * SECOND));
        cr_expect(eq(sz, simulation.n_detached, 2));
}

/* Neither a function in somebody else's hands nor one on a network has a handshake to wait for. */
Test(simulate, the_kernel_waits_only_for_its_own_pcie_controllers) {
        size_t i = build_foreign(&topology, "0000:06:00.0", NULL, "vfio-pci");

        topology.devices[i].controller->rtd3e_usec = SECOND;
        i = build_nvme(&topology, "nvme9", "nvme9", NULL);
        free(topology.devices[i].controller->transport);
        topology.devices[i].controller->transport = strdup("tcp");
        topology.devices[i].controller->rtd3e_usec = SECOND;
        run(ORDER_HIERARCHY);
        cr_expect(eq(u64, simulation.kernel_usec, 0));
        cr_expect(eq(sz, simulation.n_detached, 3));
}

Test(simulate, a_limit_takes_the_longest_first) {
        config.max_parallel = 2;
        run(ORDER_HIERARCHY);
        cr_expect(eq(u64, simulation.elapsed_usec, 3 * SECOND));
        cr_expect(eq(sz, simulation.peak, 2));
}

Test(simulate, the_end_of_a_shutdown_frees_what_it_can) {
        static const struct {
                UseKind kind;
                bool is_freed;
        } rows[] = {
                { USE_UNKNOWN, false }, { USE_OPEN, true },   { USE_CLAIM, false },
                { USE_TARGET, false },  { USE_HOLDER, true }, { USE_BTRFS, true },
                { USE_SWAP, true },     { USE_MOUNT, true },  { USE_ROOT, false },
        };
        Use *use =
                &topology.devices[topology_find_device(&topology, "0000:05:00.0")].controller->use;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                free(use->detail);
                *use = (Use){ .kind = rows[i].kind, .detail = strdup("somebody") };
                simulate_teardown(&topology);
                cr_expect(eq(int, use->kind, rows[i].is_freed ? USE_NONE : rows[i].kind));
        }
}

Test(simulate, of_no_controllers_costs_nothing) {
        topology_done(&topology);
        run(ORDER_LEAVES);
        cr_expect(eq(u64, simulation.elapsed_usec, 0));
        cr_expect(eq(sz, simulation.n_waves, 0));
        cr_expect(eq(uint, simulation_utilisation(&simulation), 100));
}
