/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <limits.h>

#include "plan/plan.h"
#include "topology_builder.h"

static Topology topology;
static Config config;
static Plan plan;

static void setup(void) {
        config = build_config();
}

static void teardown(void) {
        plan_done(&plan);
        topology_done(&topology);
}

TestSuite(plan, .init = setup, .fini = teardown, .timeout = 10);

static void make_plan(void) {
        cr_assert(eq(int, plan_make(&topology, &config, &plan), 0));
}

static const Step *step_of(const char *address) {
        size_t i = topology_find_device(&topology, address);

        cr_assert(ne(sz, i, TOPOLOGY_NONE));
        return &plan.steps[i];
}

static bool is_gate_of(const char *before, const char *after) {
        const Step *step = step_of(before);

        for (size_t i = 0; i < step->n_opens; i++)
                if (STREQ(topology.devices[step->opens[i]].address, after))
                        return true;
        return false;
}

static void build_functions(void) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:01:00.1", NULL);
        build_physfn(&topology, "0000:01:00.1", "0000:01:00.0");
}

Test(plan, detaches_idle_controllers_and_passes_bridges) {
        build_switch_tree(&topology, 0);
        make_plan();
        cr_expect(eq(sz, plan.n_detach, 3));
        cr_expect(eq(int, step_of("0000:01:00.0")->action, STEP_DETACH));
        cr_expect(eq(int, step_of("0000:00:00.0")->action, STEP_PASS));
        cr_expect(eq(sz, plan.warnings.n, 0));
}

/* A parent waits for its own children and for no others. */
Test(plan, a_parent_waits_for_each_child_and_no_step_for_a_sibling) {
        build_switch_tree(&topology, 0);
        make_plan();
        cr_expect(eq(sz, step_of("0000:01:00.0")->n_gates, 0));
        cr_expect(eq(sz, step_of("0000:04:00.0")->n_gates, 0));
        cr_expect(eq(sz, step_of("0000:02:00.0")->n_gates, 2));
        cr_expect(eq(sz, step_of("0000:00:00.0")->n_gates, 2));
        cr_expect(is_gate_of("0000:04:00.0", "0000:03:00.0"));
        cr_expect(is_gate_of("0000:03:00.0", "0000:02:00.0"));
        cr_expect(is_gate_of("0000:03:00.1", "0000:02:00.0"));
        cr_expect(not(is_gate_of("0000:01:00.0", "0000:02:00.0")));
}

static void expect_same_step(const Step *a, const Step *b) {
        cr_assert(eq(int, a->action, b->action));
        cr_assert(eq(sz, a->n_gates, b->n_gates));
        cr_assert(eq(sz, a->n_opens, b->n_opens));
        for (size_t o = 0; o < a->n_opens; o++)
                cr_assert(eq(sz, a->opens[o], b->opens[o]));
}

/* The order of a list is not that of the tree. */
Test(plan, any_enumeration_order_gives_the_same_plan) {
        build_switch_tree(&topology, 0);
        cr_assert(eq(int, topology_sort(&topology), 0));
        make_plan();
        for (unsigned seed = 1; seed <= 200; seed++) {
                Topology other = TOPOLOGY_INIT;
                Plan other_plan;

                build_switch_tree(&other, seed);
                cr_assert(eq(int, topology_sort(&other), 0));
                cr_assert(eq(int, plan_make(&other, &config, &other_plan), 0));
                cr_assert(eq(sz, other_plan.n_steps, plan.n_steps));
                for (size_t i = 0; i < plan.n_steps; i++) {
                        cr_assert(eq(str, other.devices[i].address, topology.devices[i].address));
                        expect_same_step(&other_plan.steps[i], &plan.steps[i]);
                }
                plan_done(&other_plan);
                topology_done(&other);
        }
}

/* At worst the kernel takes all of them. */
Test(plan, leaves_all_where_the_selection_is_uncertain) {
        const Step *step;

        config.is_selection_uncertain = true;
        build_switch_tree(&topology, 0);
        build_use(&topology, "0000:04:00.0", USE_MOUNT, "the detail");
        make_plan();
        cr_expect(eq(sz, plan.n_detach, 0));
        for (size_t i = 0; i < topology.n_devices; i++)
                if (topology.devices[i].controller) {
                        step = &plan.steps[i];
                        cr_expect(eq(int, step->action, STEP_LEAVE));
                        cr_expect(not(step->flush));
                        cr_expect(
                                eq(str, step->reason, "Include= and Exclude= are not understood"));
                }
}

Test(plan, leaves_and_flushes_what_is_in_use) {
        for (UseKind kind = USE_NONE + 1; kind < _USE_KIND_MAX; kind++) {
                build_switch_tree(&topology, 0);
                build_use(&topology, "0000:01:00.0", kind, "the detail");
                make_plan();
                cr_expect(eq(int, step_of("0000:01:00.0")->action, STEP_LEAVE), "%d", kind);
                cr_expect(step_of("0000:01:00.0")->flush, "%d", kind);
                cr_expect(eq(str, step_of("0000:01:00.0")->reason, "the detail"), "%d", kind);
                cr_expect(eq(sz, plan.n_detach, 2), "%d", kind);
                teardown();
        }
}

/* Empty: as topology_builder has it. */
struct left_row {
        char transport[8], state[12], driver[12], include[16], exclude[16];
        bool lacks_serial;
        char reason[64];
};

/* One controller of three, in a different condition in each row. */
ParameterizedTestParameters(plan, leaves_with_a_reason) {
        static struct left_row rows[] = {
                { .transport = "tcp", .reason = "transport tcp: only PCIe controllers are taken" },
                { .state = "resetting", .reason = "state is resetting, not live" },
                { .state = "dead", .reason = "state is dead, not live" },
                { .state = "deleting",
                  .reason = "its shutdown is under way already (state deleting)" },
                { .driver = "vfio-pci", .reason = "bound to vfio-pci, not to nvme" },
                { .lacks_serial = true, .reason = "no serial number to identify it by" },
                { .include = "nvme[12]", .reason = "not selected by Include=" },
                { .exclude = "*:01:00.0", .reason = "excluded by Exclude=*:01:00.0" },
                { .exclude = "S-nvme0", .reason = "excluded by Exclude=S-nvme0" },
                { .exclude = "s-NVME0", .reason = "excluded by Exclude=s-NVME0" },
        };

        return cr_make_param_array(struct left_row, rows, ARRAY_SIZE(rows));
}

static void replace_string(char **string, const char *text) {
        if (!*text)
                return;
        free(*string);
        *string = strdup(text);
}

ParameterizedTest(struct left_row *row, plan, leaves_with_a_reason) {
        char *include[] = { row->include, NULL }, *exclude[] = { row->exclude, NULL };
        const Step *step;
        Controller *c;

        build_switch_tree(&topology, 0);
        c = topology.devices[topology_find_device(&topology, "0000:01:00.0")].controller;
        replace_string(&c->transport, row->transport);
        replace_string(&c->state, row->state);
        replace_string(&c->driver, row->driver);
        if (row->lacks_serial) {
                free(c->serial);
                c->serial = NULL;
        }
        if (*row->include)
                config.include = include;
        if (*row->exclude)
                config.exclude = exclude;
        make_plan();
        step = step_of("0000:01:00.0");
        cr_expect(eq(int, step->action, STEP_LEAVE));
        cr_expect(not(step->flush));
        cr_expect(eq(str, step->reason, row->reason));
        cr_expect(eq(sz, plan.n_detach, 2));
}

Test(plan, leaves_what_sysfs_no_longer_describes) {
        Controller *c;

        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:03:00.0", NULL);
        free(topology.devices[0].controller->transport);
        topology.devices[0].controller->transport = NULL;
        free(topology.devices[1].controller->state);
        topology.devices[1].controller->state = NULL;
        c = topology.devices[2].controller;
        free(c->driver);
        c->driver = NULL;
        make_plan();
        cr_expect(eq(sz, plan.n_detach, 0));
        cr_expect(eq(str, plan.steps[0].reason,
                     "transport unknown: only PCIe controllers are taken"));
        cr_expect(eq(str, plan.steps[1].reason, "state is unknown, not live"));
        cr_expect(eq(str, plan.steps[2].reason, "bound to no known driver, not to nvme"));
}

Test(plan, does_not_flush_when_told_so) {
        config.flush = false;
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        build_use(&topology, "0000:01:00.0", USE_ROOT, "/dev/nvme0n1 is mounted on /");
        make_plan();
        cr_expect(eq(int, plan.steps[0].action, STEP_LEAVE));
        cr_expect(not(plan.steps[0].flush));
}

Test(plan, takes_virtual_functions_before_their_physical_one) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:01:00.1", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:01:00.2", NULL);
        build_physfn(&topology, "0000:01:00.1", "0000:01:00.0");
        build_physfn(&topology, "0000:01:00.2", "0000:01:00.0");
        make_plan();
        cr_expect(eq(sz, plan.n_detach, 3));
        cr_expect(eq(sz, step_of("0000:01:00.0")->n_gates, 2));
        cr_expect(is_gate_of("0000:01:00.1", "0000:01:00.0"));
        cr_expect(is_gate_of("0000:01:00.2", "0000:01:00.0"));
        cr_expect(plan_has_waiting_controllers(&plan));
}

Test(plan, keeps_a_physical_function_whose_virtual_one_is_mounted) {
        build_functions();
        build_use(&topology, "0000:01:00.1", USE_MOUNT, "/dev/nvme1n1 is mounted on /srv");
        make_plan();
        cr_expect(eq(sz, plan.n_detach, 0));
        cr_expect(eq(str, step_of("0000:01:00.0")->reason,
                     "its virtual function 0000:01:00.1 stays (/dev/nvme1n1 is mounted on /srv)"));
}

/* Otherwise its other virtual function would go before steps that more time depends on. */
Test(plan, expects_nothing_of_a_physical_function_that_stays) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:01:00.1", NULL);
        (void) build_foreign(&topology, "0000:01:00.2", NULL, "vfio-pci");
        build_physfn(&topology, "0000:01:00.1", "0000:01:00.0");
        build_physfn(&topology, "0000:01:00.2", "0000:01:00.0");
        for (size_t i = 0; i < 2; i++)
                topology.devices[i].controller->rtd3e_usec = 3 * USEC_PER_SEC;
        make_plan();
        cr_expect(eq(u64, step_of("0000:01:00.0")->expected_usec, 0));
        cr_expect(eq(u64, step_of("0000:01:00.1")->chain_usec, 3 * USEC_PER_SEC));
}

Test(plan, keeps_a_physical_function_whose_virtual_one_is_a_guests) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_foreign(&topology, "0000:01:00.1", NULL, "vfio-pci");
        build_physfn(&topology, "0000:01:00.1", "0000:01:00.0");
        make_plan();
        cr_expect(eq(int, step_of("0000:01:00.0")->action, STEP_LEAVE));
        cr_expect(eq(str, step_of("0000:01:00.1")->reason, "bound to the driver vfio-pci"));
}

/* A guest may be about to get it. */
Test(plan, an_unbound_virtual_function_keeps_its_physical_one) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_foreign(&topology, "0000:01:00.1", NULL, NULL);
        build_physfn(&topology, "0000:01:00.1", "0000:01:00.0");
        make_plan();
        cr_expect(eq(int, step_of("0000:01:00.0")->action, STEP_LEAVE));
        cr_expect(eq(str, step_of("0000:01:00.0")->reason,
                     "its virtual function 0000:01:00.1 stays (no driver is bound to it)"));
}

static void expect_with_vfs(unsigned n_vfs, const char *reason) {
        topology.devices[topology_find_device(&topology, "0000:01:00.0")].n_vfs = n_vfs;
        plan_done(&plan);
        make_plan();
        cr_expect(eq(str, step_of("0000:01:00.0")->reason ?: (char *) "goes", (char *) reason));
}

/* A virtual function that is not an NVMe one, or that came while the tree was read, is not in the
 * topology. */
Test(plan, a_physical_function_goes_only_if_all_its_virtual_ones_are_known) {
        build_functions();
        expect_with_vfs(1, "goes");
        expect_with_vfs(2, "only 1 of its 2 virtual functions can go first");
        expect_with_vfs(UINT_MAX, "its virtual functions can't be counted");
}

Test(plan, a_rehearsal_keeps_physical_functions) {
        config.keep_physical_functions = true;
        build_functions();
        expect_with_vfs(1, "it has 1 virtual functions");
}

/* How many steps can ever start. */
static size_t count_startable(void) {
        size_t *gates = calloc(plan.n_steps, sizeof(size_t)), n = 0;
        bool has_moved = true, *is_done = calloc(plan.n_steps, sizeof(bool));

        for (size_t i = 0; i < plan.n_steps; i++)
                gates[i] = plan.steps[i].n_gates;
        while (has_moved) {
                has_moved = false;
                for (size_t i = 0; i < plan.n_steps; i++) {
                        if (is_done[i] || gates[i] > 0)
                                continue;
                        is_done[i] = has_moved = true;
                        n++;
                        for (size_t o = 0; o < plan.steps[i].n_opens; o++)
                                gates[plan.steps[i].opens[o]]--;
                }
        }
        free(gates);
        free(is_done);
        return n;
}

Test(plan, breaks_a_cycle_with_a_warning) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:03:00.0", NULL);
        (void) build_bridge(&topology, DEVICE_BRIDGE, "0000:04:00.0", NULL);
        (void) build_nvme(&topology, "nvme3", "0000:05:00.0", "0000:04:00.0");
        topology.devices[0].parent = 1;
        topology.devices[1].parent = 2;
        topology.devices[2].parent = 0;
        topology.devices[2].physfn = 3;
        make_plan();
        cr_expect(eq(sz, plan.warnings.n, 1));
        cr_expect(eq(str, plan.warnings.items[0],
                     "0000:01:00.0 waits for itself through 0000:03:00.0: not waiting for "
                     "0000:03:00.0"));
        cr_expect(eq(sz, count_startable(), 5));
        /* A device above the cycle still waits for it. */
        cr_expect(is_gate_of("0000:03:00.0", "0000:04:00.0"));
}

Test(plan, breaks_a_device_that_is_its_own_parent) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        topology.devices[0].parent = 0;
        topology.devices[0].physfn = 0;
        make_plan();
        cr_expect(eq(sz, plan.warnings.n, 1));
        cr_expect(eq(sz, count_startable(), 1));
}

Test(plan, of_an_empty_topology_is_empty) {
        make_plan();
        cr_expect(eq(sz, plan.n_steps, 0));
        cr_expect(eq(sz, plan.n_detach, 0));
}
