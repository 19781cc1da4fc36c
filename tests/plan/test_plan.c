/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <limits.h>

#include "plan/plan.h"
#include "topology_builder.h"

static Plan make(const Topology *t, const Config *config) {
        Plan plan = PLAN_INIT;

        cr_assert(eq(int, plan_make(t, config, &plan), 0));
        return plan;
}

static const Step *step_of(const Topology *t, const Plan *plan, const char *address) {
        size_t i = topology_find_device(t, address);

        cr_assert(ne(sz, i, TOPOLOGY_NONE));
        return &plan->steps[i];
}

static bool is_gate_of(const Topology *t, const Plan *plan, const char *before, const char *after) {
        const Step *step = step_of(t, plan, before);

        for (size_t i = 0; i < step->n_opens; i++)
                if (STREQ(t->devices[step->opens[i]].address, after))
                        return true;
        return false;
}

Test(plan, detaches_idle_controllers_and_passes_bridges) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        build_switch_tree(&t, 0);
        plan = make(&t, &config);
        cr_expect(eq(sz, plan.n_detach, 3));
        cr_expect(eq(int, step_of(&t, &plan, "0000:01:00.0")->action, STEP_DETACH));
        cr_expect(eq(int, step_of(&t, &plan, "0000:00:00.0")->action, STEP_PASS));
        cr_expect(eq(sz, plan.warnings.n, 0));
        plan_done(&plan);
        topology_done(&t);
}

/* field.md 1.3, numbers 1 and 2: a parent waits for its own last child and for no stranger's. */
Test(plan, a_parent_waits_for_each_child_and_nobody_for_a_sibling) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        build_switch_tree(&t, 0);
        plan = make(&t, &config);
        cr_expect(eq(sz, step_of(&t, &plan, "0000:01:00.0")->n_gates, 0));
        cr_expect(eq(sz, step_of(&t, &plan, "0000:04:00.0")->n_gates, 0));
        cr_expect(eq(sz, step_of(&t, &plan, "0000:02:00.0")->n_gates, 2));
        cr_expect(eq(sz, step_of(&t, &plan, "0000:00:00.0")->n_gates, 2));
        cr_expect(is_gate_of(&t, &plan, "0000:04:00.0", "0000:03:00.0"));
        cr_expect(is_gate_of(&t, &plan, "0000:03:00.0", "0000:02:00.0"));
        cr_expect(is_gate_of(&t, &plan, "0000:03:00.1", "0000:02:00.0"));
        cr_expect(not(is_gate_of(&t, &plan, "0000:01:00.0", "0000:02:00.0")));
        plan_done(&plan);
        topology_done(&t);
}

/* field.md 1.3, number 4: list order is not tree order. */
Test(plan, any_enumeration_order_gives_the_same_plan) {
        Topology reference = TOPOLOGY_INIT;
        Config config = build_config();
        Plan expected;

        build_switch_tree(&reference, 0);
        cr_assert(eq(int, topology_sort(&reference), 0));
        expected = make(&reference, &config);
        for (unsigned seed = 1; seed <= 200; seed++) {
                Topology t = TOPOLOGY_INIT;
                Plan plan;

                build_switch_tree(&t, seed);
                cr_assert(eq(int, topology_sort(&t), 0));
                plan = make(&t, &config);
                cr_assert(eq(sz, plan.n_steps, expected.n_steps));
                for (size_t i = 0; i < plan.n_steps; i++) {
                        const Step *a = &plan.steps[i], *b = &expected.steps[i];

                        cr_assert(eq(str, t.devices[i].address, reference.devices[i].address));
                        cr_assert(eq(int, a->action, b->action));
                        cr_assert(eq(sz, a->n_gates, b->n_gates));
                        cr_assert(eq(sz, a->n_opens, b->n_opens));
                        for (size_t o = 0; o < a->n_opens; o++)
                                cr_assert(eq(sz, a->opens[o], b->opens[o]));
                }
                plan_done(&plan);
                topology_done(&t);
        }
        plan_done(&expected);
        topology_done(&reference);
}

struct left_row {
        UseKind use;
        char transport[8], state[12], driver[12];
        char include[16], exclude[16];
        bool has_serial;
        bool flush;
        char reason[64];
};

/* The worst that can be is that the kernel takes all of them. */
Test(plan, leaves_all_where_the_selection_is_uncertain) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        const Step *step;
        Plan plan;

        config.is_selection_uncertain = true;
        build_switch_tree(&t, 0);
        build_use(&t, "0000:04:00.0", USE_MOUNT, "the detail");
        plan = make(&t, &config);
        cr_expect(eq(sz, plan.n_detach, 0));
        for (size_t i = 0; i < t.n_devices; i++)
                if (t.devices[i].controller) {
                        step = &plan.steps[i];
                        cr_expect(eq(int, step->action, STEP_LEAVE));
                        cr_expect(not(step->flush));
                        cr_expect(
                                eq(str, step->reason, "Include= and Exclude= are not understood"));
                }
        plan_done(&plan);
        topology_done(&t);
}

/* One controller of three, each time in another condition. */
ParameterizedTestParameters(plan, leaves_with_a_reason) {
        static struct left_row rows[] = {
                { USE_ROOT, "pcie", "live", "nvme", "", "", true, true, "the detail" },
                { USE_MOUNT, "pcie", "live", "nvme", "", "", true, true, "the detail" },
                { USE_SWAP, "pcie", "live", "nvme", "", "", true, true, "the detail" },
                { USE_BTRFS, "pcie", "live", "nvme", "", "", true, true, "the detail" },
                { USE_HOLDER, "pcie", "live", "nvme", "", "", true, true, "the detail" },
                { USE_TARGET, "pcie", "live", "nvme", "", "", true, true, "the detail" },
                { USE_CLAIM, "pcie", "live", "nvme", "", "", true, true, "the detail" },
                { USE_OPEN, "pcie", "live", "nvme", "", "", true, true, "the detail" },
                { USE_UNKNOWN, "pcie", "live", "nvme", "", "", true, true, "the detail" },
                { USE_NONE, "tcp", "live", "nvme", "", "", true, false,
                  "transport tcp: only PCIe controllers are taken" },
                { USE_NONE, "pcie", "resetting", "nvme", "", "", true, false,
                  "state is resetting, not live" },
                { USE_NONE, "pcie", "dead", "nvme", "", "", true, false,
                  "state is dead, not live" },
                { USE_NONE, "pcie", "live", "vfio-pci", "", "", true, false,
                  "bound to vfio-pci, not to nvme" },
                { USE_NONE, "pcie", "live", "nvme", "", "", false, false,
                  "no serial number to recognise it by" },
                { USE_NONE, "pcie", "live", "nvme", "nvme[12]", "", true, false,
                  "not selected by Include=" },
                { USE_NONE, "pcie", "live", "nvme", "", "*:01:00.0", true, false,
                  "excluded by Exclude=*:01:00.0" },
                { USE_NONE, "pcie", "live", "nvme", "", "S-nvme0", true, false,
                  "excluded by Exclude=S-nvme0" },
                { USE_NONE, "pcie", "live", "nvme", "", "s-NVME0", true, false,
                  "excluded by Exclude=s-NVME0" },
        };

        return cr_make_param_array(struct left_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct left_row *row, plan, leaves_with_a_reason) {
        char *include[] = { row->include, NULL }, *exclude[] = { row->exclude, NULL };
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        const Step *step;
        Controller *c;
        Plan plan;

        build_switch_tree(&t, 0);
        c = t.devices[topology_find_device(&t, "0000:01:00.0")].controller;
        free(c->transport);
        free(c->state);
        free(c->driver);
        c->transport = strdup(row->transport);
        c->state = strdup(row->state);
        c->driver = strdup(row->driver);
        if (!row->has_serial) {
                free(c->serial);
                c->serial = NULL;
        }
        if (row->use != USE_NONE)
                build_use(&t, "0000:01:00.0", row->use, "the detail");
        if (*row->include)
                config.include = include;
        if (*row->exclude)
                config.exclude = exclude;
        plan = make(&t, &config);
        step = step_of(&t, &plan, "0000:01:00.0");
        cr_expect(eq(int, step->action, STEP_LEAVE));
        cr_expect(eq(int, step->flush, row->flush));
        cr_expect(eq(str, step->reason, row->reason));
        cr_expect(eq(sz, plan.n_detach, 2));
        plan_done(&plan);
        topology_done(&t);
}

Test(plan, leaves_what_sysfs_no_longer_describes) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Controller *c;
        Plan plan;

        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&t, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&t, "nvme2", "0000:03:00.0", NULL);
        free(t.devices[0].controller->transport);
        t.devices[0].controller->transport = NULL;
        free(t.devices[1].controller->state);
        t.devices[1].controller->state = NULL;
        c = t.devices[2].controller;
        free(c->driver);
        c->driver = NULL;
        plan = make(&t, &config);
        cr_expect(eq(sz, plan.n_detach, 0));
        cr_expect(eq(str, plan.steps[0].reason,
                     "transport unknown: only PCIe controllers are taken"));
        cr_expect(eq(str, plan.steps[1].reason, "state is unknown, not live"));
        cr_expect(eq(str, plan.steps[2].reason, "bound to no known driver, not to nvme"));
        plan_done(&plan);
        topology_done(&t);
}

Test(plan, does_not_flush_when_told_so) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        config.flush = false;
        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        build_use(&t, "0000:01:00.0", USE_ROOT, "/dev/nvme0n1 is mounted on /");
        plan = make(&t, &config);
        cr_expect(eq(int, plan.steps[0].action, STEP_LEAVE));
        cr_expect(not(plan.steps[0].flush));
        plan_done(&plan);
        topology_done(&t);
}

Test(plan, takes_virtual_functions_before_their_physical_one) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&t, "nvme1", "0000:01:00.1", NULL);
        (void) build_nvme(&t, "nvme2", "0000:01:00.2", NULL);
        build_physfn(&t, "0000:01:00.1", "0000:01:00.0");
        build_physfn(&t, "0000:01:00.2", "0000:01:00.0");
        plan = make(&t, &config);
        cr_expect(eq(sz, plan.n_detach, 3));
        cr_expect(eq(sz, step_of(&t, &plan, "0000:01:00.0")->n_gates, 2));
        cr_expect(is_gate_of(&t, &plan, "0000:01:00.1", "0000:01:00.0"));
        cr_expect(is_gate_of(&t, &plan, "0000:01:00.2", "0000:01:00.0"));
        cr_expect(plan_has_waiting_controllers(&plan));
        plan_done(&plan);
        topology_done(&t);
}

Test(plan, keeps_a_physical_function_whose_virtual_one_is_mounted) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&t, "nvme1", "0000:01:00.1", NULL);
        build_physfn(&t, "0000:01:00.1", "0000:01:00.0");
        build_use(&t, "0000:01:00.1", USE_MOUNT, "/dev/nvme1n1 is mounted on /srv");
        plan = make(&t, &config);
        cr_expect(eq(sz, plan.n_detach, 0));
        cr_expect(eq(str, step_of(&t, &plan, "0000:01:00.0")->reason,
                     "its virtual function 0000:01:00.1 stays (/dev/nvme1n1 is mounted on /srv)"));
        plan_done(&plan);
        topology_done(&t);
}

/* Else its other virtual function would go before those that really have more behind them. */
Test(plan, expects_nothing_of_a_physical_function_that_stays) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&t, "nvme1", "0000:01:00.1", NULL);
        (void) build_foreign(&t, "0000:01:00.2", NULL, "vfio-pci");
        build_physfn(&t, "0000:01:00.1", "0000:01:00.0");
        build_physfn(&t, "0000:01:00.2", "0000:01:00.0");
        for (size_t i = 0; i < 2; i++)
                t.devices[i].controller->rtd3e_usec = 3 * USEC_PER_SEC;
        plan = make(&t, &config);
        cr_expect(eq(u64, step_of(&t, &plan, "0000:01:00.0")->expected_usec, 0));
        cr_expect(eq(u64, step_of(&t, &plan, "0000:01:00.1")->chain_usec, 3 * USEC_PER_SEC));
        plan_done(&plan);
        topology_done(&t);
}

Test(plan, keeps_a_physical_function_whose_virtual_one_a_guest_has) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        (void) build_foreign(&t, "0000:01:00.1", NULL, "vfio-pci");
        build_physfn(&t, "0000:01:00.1", "0000:01:00.0");
        plan = make(&t, &config);
        cr_expect(eq(int, step_of(&t, &plan, "0000:01:00.0")->action, STEP_LEAVE));
        cr_expect(eq(str, step_of(&t, &plan, "0000:01:00.1")->reason,
                     "bound to the driver vfio-pci"));
        plan_done(&plan);
        topology_done(&t);
}

/* Whose it is can't be told: a guest may be about to get it. */
Test(plan, an_unbound_virtual_function_keeps_its_physical_one) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        (void) build_foreign(&t, "0000:01:00.1", NULL, NULL);
        build_physfn(&t, "0000:01:00.1", "0000:01:00.0");
        plan = make(&t, &config);
        cr_expect(eq(int, step_of(&t, &plan, "0000:01:00.0")->action, STEP_LEAVE));
        cr_expect(eq(str, step_of(&t, &plan, "0000:01:00.0")->reason,
                     "its virtual function 0000:01:00.1 stays (no driver is bound to it)"));
        plan_done(&plan);
        topology_done(&t);
}

static const char *reason_with_vfs(unsigned n_vfs, bool keep) {
        static char reason[128];
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        config.keep_physical_functions = keep;
        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&t, "nvme1", "0000:01:00.1", NULL);
        build_physfn(&t, "0000:01:00.1", "0000:01:00.0");
        t.devices[topology_find_device(&t, "0000:01:00.0")].n_vfs = n_vfs;
        plan = make(&t, &config);
        (void) snprintf(reason, sizeof(reason), "%s",
                        step_of(&t, &plan, "0000:01:00.0")->reason ?: "goes");
        plan_done(&plan);
        topology_done(&t);
        return reason;
}

/* One that is no NVMe function, or that came while the tree was read, is in no list of ours. */
Test(plan, a_physical_function_goes_only_if_all_its_virtual_ones_are_known) {
        cr_expect(eq(str, (char *) reason_with_vfs(1, false), "goes"));
        cr_expect(eq(str, (char *) reason_with_vfs(2, false),
                     "it has 2 virtual functions, and 1 of them can go first"));
        cr_expect(eq(str, (char *) reason_with_vfs(UINT_MAX, false),
                     "its virtual functions can't be counted"));
}

Test(plan, a_rehearsal_keeps_physical_functions) {
        cr_expect(eq(str, (char *) reason_with_vfs(1, true), "it has 1 virtual functions"));
}

/* How many steps can ever start. */
static size_t count_startable(const Plan *plan) {
        size_t *gates = calloc(plan->n_steps, sizeof(size_t)), n = 0;
        bool has_moved = true, *is_done = calloc(plan->n_steps, sizeof(bool));

        for (size_t i = 0; i < plan->n_steps; i++)
                gates[i] = plan->steps[i].n_gates;
        while (has_moved) {
                has_moved = false;
                for (size_t i = 0; i < plan->n_steps; i++) {
                        if (is_done[i] || gates[i] > 0)
                                continue;
                        is_done[i] = has_moved = true;
                        n++;
                        for (size_t o = 0; o < plan->steps[i].n_opens; o++)
                                gates[plan->steps[i].opens[o]]--;
                }
        }
        free(gates);
        free(is_done);
        return n;
}

/* field.md 1.3, number 5. */
Test(plan, breaks_a_cycle_with_a_warning, .timeout = 10) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&t, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&t, "nvme2", "0000:03:00.0", NULL);
        (void) build_bridge(&t, DEVICE_BRIDGE, "0000:04:00.0", NULL);
        (void) build_nvme(&t, "nvme3", "0000:05:00.0", "0000:04:00.0");
        t.devices[0].parent = 1;
        t.devices[1].parent = 2;
        t.devices[2].parent = 0;
        t.devices[2].physfn = 3;
        plan = make(&t, &config);
        cr_expect(eq(sz, plan.warnings.n, 1));
        cr_expect(eq(str, plan.warnings.items[0],
                     "0000:01:00.0 waits for itself by way of 0000:03:00.0: not waiting for "
                     "0000:03:00.0"));
        cr_expect(eq(sz, count_startable(&plan), 5));
        /* What merely stands behind the cycle still waits for it. */
        cr_expect(is_gate_of(&t, &plan, "0000:03:00.0", "0000:04:00.0"));
        plan_done(&plan);
        topology_done(&t);
}

Test(plan, breaks_a_device_that_is_its_own_parent, .timeout = 10) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan;

        (void) build_nvme(&t, "nvme0", "0000:01:00.0", NULL);
        t.devices[0].parent = 0;
        t.devices[0].physfn = 0;
        plan = make(&t, &config);
        cr_expect(eq(sz, plan.warnings.n, 1));
        cr_expect(eq(sz, count_startable(&plan), 1));
        plan_done(&plan);
        topology_done(&t);
}

Test(plan, of_nothing_is_nothing) {
        Topology t = TOPOLOGY_INIT;
        Config config = build_config();
        Plan plan = make(&t, &config);

        cr_expect(eq(sz, plan.n_steps, 0));
        cr_expect(eq(sz, plan.n_detach, 0));
        plan_done(&plan);
}
