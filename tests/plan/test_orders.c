/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The meaning of each order, on the trees that were discussed for the kernel and on worse ones. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include "topology_builder.h"
#include "trial/ops_virtual.h"
#include "waves/waves.h"

#define SECOND USEC_PER_SEC

static Topology topology;
static Config config;
static Plan plan;
static VirtualWorld world;
static Record record;
static WavesOptions options;

static void setup(void) {
        config = build_config();
        options = (WavesOptions){};
}

static void teardown(void) {
        record_done(&record);
        virtual_world_done(&world);
        plan_done(&plan);
        topology_done(&topology);
}

TestSuite(orders, .init = setup, .fini = teardown, .timeout = 10);

static size_t index_of(const char *address) {
        size_t i = topology_find_device(&topology, address);

        cr_assert(ne(sz, i, TOPOLOGY_NONE), "%s", address);
        return i;
}

/* Every step takes a second, unless a test calls set_latency(). */
static void prepare_run(Order order) {
        config.order = order;
        cr_assert(eq(int, topology_sort(&topology), 0));
        cr_assert(eq(int, plan_make(&topology, &config, &plan), 0));
        cr_assert(eq(int, virtual_world_init(&world, plan.n_steps, SECOND), 0));
        cr_assert(eq(int, record_init(&record, STAGE_UNIT, ACTION_REBOOT, plan.n_steps), 0));
        options.deadline_usec = world.now + 40 * SECOND;
}

static void set_latency(const char *address, usec_t usec) {
        world.steps[index_of(address)].latency_usec = usec;
}

static void run_plan(void) {
        cr_assert(eq(int, waves_run(&plan, &ops_virtual, &world, &options, &record), 0));
}

static void expect_start(const char *address, usec_t usec) {
        cr_expect(
                eq(u64, record.results[index_of(address)].started_usec - record.started_usec, usec),
                "%s in %s", address, order_to_string(config.order));
}

static void expect_outcome(const char *address, Outcome outcome) {
        cr_expect(eq(int, record.results[index_of(address)].outcome, outcome), "%s in %s", address,
                  order_to_string(config.order));
}

static void expect_total(usec_t usec) {
        cr_expect(eq(u64, record.ended_usec - record.started_usec, usec), "%s",
                  order_to_string(config.order));
}

static void expect_released_by(const char *address, const char *by) {
        cr_expect(eq(sz, record.results[index_of(address)].released_by, index_of(by)), "%s in %s",
                  address, order_to_string(config.order));
}

/* Oliver O'Halloran's tree: {root port 00:00.0 -> NVMe 01:00.0}. The root complex must outlive the
 * drive. */
ParameterizedTestParameters(orders, root_port_outlives_its_nvme) {
        static Order rows[] = { ORDER_HIERARCHY, ORDER_LEAVES, ORDER_TWO_PASS, ORDER_SERIAL };

        return cr_make_param_array(Order, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(Order *order, orders, root_port_outlives_its_nvme) {
        (void) build_bridge(&topology, DEVICE_BRIDGE, "0000:00:00.0", NULL);
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", "0000:00:00.0");
        prepare_run(*order);
        run_plan();
        expect_start("0000:01:00.0", 0);
        expect_start("0000:00:00.0", SECOND);
        expect_released_by("0000:00:00.0", "0000:01:00.0");
        expect_total(SECOND);
}

#define A "0000:01:00.0"
#define B "0000:04:00.0"
#define C "0000:05:00.0"
#define ROOT_PORT "0000:00:00.0"
#define UPSTREAM "0000:02:00.0"
#define ABOVE_B "0000:03:00.0"
#define ABOVE_C "0000:03:00.1"

/* Jonathan Derrick's tree: A takes one second, B two, C three. */
static void run_switch_tree(Order order) {
        build_switch_tree(&topology, 0);
        prepare_run(order);
        set_latency(B, 2 * SECOND);
        set_latency(C, 3 * SECOND);
        run_plan();
}

Test(orders, switch_tree_hierarchy) {
        run_switch_tree(ORDER_HIERARCHY);
        expect_start(A, 0);
        expect_start(B, 0);
        expect_start(C, 0);
        expect_start(ABOVE_B, 2 * SECOND);
        expect_start(ABOVE_C, 3 * SECOND);
        expect_start(UPSTREAM, 3 * SECOND);
        expect_released_by(ABOVE_B, B);
        expect_released_by(ABOVE_C, C);
        expect_released_by(UPSTREAM, ABOVE_C);
        expect_released_by(ROOT_PORT, UPSTREAM);
        cr_expect(eq(sz, record.results[index_of(UPSTREAM)].n_gates, 2));
        for (size_t i = 0; i < plan.n_steps; i++)
                cr_expect(eq(sz, record.results[i].n_turns, 0));
        expect_total(3 * SECOND);
}

/* The other sibling may be the slower one. */
Test(orders, switch_tree_releases_bus_3_when_the_slower_one_is_done) {
        build_switch_tree(&topology, 0);
        prepare_run(ORDER_HIERARCHY);
        set_latency(A, 7 * SECOND);
        set_latency(B, 5 * SECOND);
        run_plan();
        expect_start(ABOVE_C, SECOND);
        expect_start(UPSTREAM, 5 * SECOND);
        expect_released_by(UPSTREAM, ABOVE_B);
        expect_released_by(ROOT_PORT, A);
        expect_start(ROOT_PORT, 7 * SECOND);
}

/* The barrier: B's port waits for C, although C is in another subtree. */
Test(orders, switch_tree_leaves) {
        run_switch_tree(ORDER_LEAVES);
        expect_start(A, 0);
        expect_start(B, 0);
        expect_start(C, 0);
        expect_start(ABOVE_C, 3 * SECOND);
        expect_start(ABOVE_B, 3 * SECOND);
        expect_released_by(ABOVE_C, C);
        expect_released_by(ABOVE_B, ABOVE_C);
        cr_expect(eq(sz, record.results[index_of(ABOVE_C)].n_turns, 3));
        cr_expect(eq(sz, record.results[index_of(ABOVE_B)].n_turns, 1));
        expect_total(3 * SECOND);
}

Test(orders, switch_tree_two_pass) {
        run_switch_tree(ORDER_TWO_PASS);
        expect_start(A, 0);
        expect_start(B, 0);
        expect_start(C, 0);
        expect_start(ABOVE_B, 3 * SECOND);
        expect_released_by(ABOVE_B, ABOVE_C);
        expect_total(3 * SECOND);
}

/* The last registered first, as device_shutdown() has it. */
Test(orders, switch_tree_serial) {
        run_switch_tree(ORDER_SERIAL);
        expect_start(C, 0);
        expect_start(B, 3 * SECOND);
        expect_start(A, 5 * SECOND);
        expect_released_by(B, C);
        expect_released_by(A, UPSTREAM);
        expect_start(ROOT_PORT, 6 * SECOND);
        expect_total(6 * SECOND);
        cr_expect(eq(sz, world.max_running, 1));
}

/* The kernel registers a parent before its children, whatever their addresses are. */
Test(orders, serial_takes_a_child_before_its_parent_wherever_it_stands) {
        (void) build_bridge(&topology, DEVICE_BRIDGE, "0000:09:00.0", NULL);
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", "0000:09:00.0");
        (void) build_nvme(&topology, "nvme1", "0000:05:00.0", NULL);
        prepare_run(ORDER_SERIAL);
        run_plan();
        expect_start("0000:05:00.0", 0);
        expect_start("0000:01:00.0", SECOND);
        expect_start("0000:09:00.0", 2 * SECOND);
}

/* Two physical functions with two virtual ones each; nvme1 and nvme2 are virtual ones of nvme0. */
static void build_functions(void) {
        static const char *const addresses[] = { "0000:01:00.0", "0000:01:00.1", "0000:01:00.2",
                                                 "0000:02:00.0", "0000:02:00.1", "0000:02:00.2" };

        (void) build_bridge(&topology, DEVICE_BRIDGE, "0000:00:01.0", NULL);
        for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "nvme%zu", i);
                (void) build_nvme(&topology, name, addresses[i], "0000:00:01.0");
                if (i % 3 != 0)
                        build_physfn(&topology, addresses[i], addresses[i / 3 * 3]);
        }
}

/* A physical function takes its virtual ones with it: no order may start it beside them. */
Test(orders, two_pass_keeps_a_physical_function_after_its_own_virtual_ones) {
        build_functions();
        prepare_run(ORDER_TWO_PASS);
        set_latency("0000:01:00.1", 3 * SECOND);
        run_plan();
        expect_start("0000:01:00.0", 3 * SECOND);
        expect_start("0000:02:00.0", SECOND);
        expect_start("0000:00:01.0", 4 * SECOND);
}

/* The physical functions are "the rest", one by one: 0000:02:00.0, being last, goes first. */
Test(orders, leaves_takes_the_rest_one_by_one) {
        build_functions();
        prepare_run(ORDER_LEAVES);
        set_latency("0000:01:00.1", 3 * SECOND);
        run_plan();
        expect_start("0000:02:00.0", 3 * SECOND);
        expect_start("0000:01:00.0", 4 * SECOND);
        expect_total(5 * SECOND);
}

ParameterizedTestParameters(orders, a_failed_step_keeps_only_its_own_ancestors) {
        static Order rows[] = { ORDER_HIERARCHY, ORDER_LEAVES, ORDER_TWO_PASS, ORDER_SERIAL };

        return cr_make_param_array(Order, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(Order *order, orders, a_failed_step_keeps_only_its_own_ancestors) {
        build_functions();
        prepare_run(*order);
        world.steps[index_of("0000:02:00.2")].outcome = OUTCOME_FAILED;
        run_plan();
        expect_outcome("0000:02:00.2", OUTCOME_FAILED);
        expect_outcome("0000:02:00.1", OUTCOME_DETACHED);
        expect_outcome("0000:02:00.0", OUTCOME_LEFT);
        expect_outcome("0000:01:00.0", OUTCOME_DETACHED);
        expect_outcome("0000:00:01.0", OUTCOME_LEFT);
}

ParameterizedTestParameters(orders, a_step_that_stays_holds_no_other_up) {
        static Order rows[] = { ORDER_HIERARCHY, ORDER_LEAVES, ORDER_TWO_PASS, ORDER_SERIAL };

        return cr_make_param_array(Order, rows, ARRAY_SIZE(rows));
}

/* Neither a controller that stays nor its Flush that hangs, nor the bridges that stay above it. */
ParameterizedTest(Order *order, orders, a_step_that_stays_holds_no_other_up) {
        build_switch_tree(&topology, 0);
        build_use(&topology, C, USE_MOUNT, "/dev/nvme2n1 is mounted on /srv");
        prepare_run(*order);
        set_latency(C, VIRTUAL_NEVER);
        run_plan();
        expect_outcome(A, OUTCOME_DETACHED);
        expect_outcome(B, OUTCOME_DETACHED);
        expect_outcome(ABOVE_B, OUTCOME_DETACHED);
        cr_expect(le(u64, record.results[index_of(ABOVE_B)].ended_usec - record.started_usec,
                     2 * SECOND));
        expect_outcome(C, OUTCOME_LEFT);
        expect_outcome(ABOVE_C, OUTCOME_LEFT);
        expect_outcome(UPSTREAM, OUTCOME_LEFT);
}

Test(orders, serial_waits_for_one_that_never_ends_until_the_deadline) {
        build_switch_tree(&topology, 0);
        prepare_run(ORDER_SERIAL);
        set_latency(B, VIRTUAL_NEVER);
        run_plan();
        expect_outcome(C, OUTCOME_DETACHED);
        expect_outcome(B, OUTCOME_LATE);
        expect_outcome(A, OUTCOME_LEFT);
        cr_expect(eq(str, record.results[index_of(A)].reason,
                     "not started: the stage ran out of time"));
        expect_total(40 * SECOND);
}

Test(orders, a_step_that_can_not_be_started_passes_its_turn) {
        build_switch_tree(&topology, 0);
        prepare_run(ORDER_SERIAL);
        world.steps[index_of(C)].start_error = -EPERM;
        world.steps[index_of(C)].start_failures = 1;
        run_plan();
        expect_outcome(C, OUTCOME_LEFT);
        expect_outcome(B, OUTCOME_DETACHED);
        expect_outcome(A, OUTCOME_DETACHED);
}

/* 1000 controllers and 1000 ports must not make a million gates. */
ParameterizedTestParameters(orders, barriers_grow_linearly) {
        static Order rows[] = { ORDER_HIERARCHY, ORDER_LEAVES, ORDER_TWO_PASS, ORDER_SERIAL };

        return cr_make_param_array(Order, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(Order *order, orders, barriers_grow_linearly) {
        size_t n = 0;

        for (unsigned i = 0; i < 1000; i++) {
                char port[32], address[32];

                (void) snprintf(port, sizeof(port), "0000:00:%02x.%x", i / 8, i % 8);
                (void) snprintf(address, sizeof(address), "0001:%02x:%02x.0", i / 32, i % 32);
                (void) build_bridge(&topology, DEVICE_BRIDGE, port, NULL);
                (void) build_nvme(&topology, "nvme0", address, port);
        }
        prepare_run(*order);
        for (size_t i = 0; i < plan.n_steps; i++)
                n += plan.steps[i].n_gates + plan.steps[i].n_turns;
        cr_expect(lt(sz, n, 2 * plan.n_steps));
        options.deadline_usec = USEC_INFINITY;
        run_plan();
        expect_total(*order == ORDER_SERIAL ? 1000 * SECOND : SECOND);
}

/* 4 s, 1 s, 1 s, 2 s on two at a time: by index 6 s, the longest first 4 s. */
Test(orders, the_longest_goes_first_when_max_parallel_bounds) {
        static const usec_t seconds[] = { 1, 1, 2, 4 };

        for (unsigned i = 0; i < 4; i++) {
                char address[32];
                size_t k;

                (void) snprintf(address, sizeof(address), "0000:0%u:00.0", i);
                k = build_nvme(&topology, "nvme0", address, NULL);
                topology.devices[k].controller->rtd3e_usec = seconds[i] * SECOND;
        }
        prepare_run(ORDER_HIERARCHY);
        for (size_t i = 0; i < plan.n_steps; i++)
                world.steps[i].latency_usec = plan.steps[i].expected_usec;
        options.max_parallel = 2;
        run_plan();
        expect_start("0000:03:00.0", 0);
        expect_start("0000:02:00.0", 0);
        expect_start("0000:00:00.0", 2 * SECOND);
        expect_start("0000:01:00.0", 3 * SECOND);
        expect_total(4 * SECOND);
}

/* It is not the longest step, but the first of the longest chain. */
Test(orders, a_virtual_function_counts_the_steps_that_wait_for_it) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:01:00.1", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:02:00.0", NULL);
        build_physfn(&topology, "0000:01:00.1", "0000:01:00.0");
        topology.devices[0].controller->rtd3e_usec = 3 * SECOND;
        topology.devices[1].controller->rtd3e_usec = SECOND;
        topology.devices[2].controller->rtd3e_usec = 2 * SECOND;
        prepare_run(ORDER_HIERARCHY);
        cr_expect(eq(u64, plan.steps[index_of("0000:01:00.1")].chain_usec, 4 * SECOND));
        cr_expect(eq(u64, plan.steps[index_of("0000:02:00.0")].chain_usec, 2 * SECOND));
        options.max_parallel = 1;
        run_plan();
        expect_start("0000:01:00.1", 0);
        expect_start("0000:01:00.0", SECOND);
        expect_start("0000:02:00.0", 2 * SECOND);
}
