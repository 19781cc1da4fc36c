/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which controllers are detached; see plan.h. */

#include "plan/plan.h"

#include <limits.h>
#include <stdarg.h>

#include "base/names.h"
#include "plan/gates.h"
#include "plan/selection.h"

static const char *const step_action_table[_STEP_ACTION_MAX] = {
        [STEP_DETACH] = "detach",
        [STEP_LEAVE] = "leave",
        [STEP_PASS] = "pass",
};

const char *step_action_to_string(StepAction action) {
        return NAME_OF(step_action_table, action);
}

void plan_done(Plan *plan) {
        for (size_t i = 0; i < plan->n_steps; i++)
                free(plan->steps[i].reason);
        free(plan->steps);
        lines_done(&plan->warnings);
        *plan = PLAN_INIT;
}

static int leave_step(Step *step, bool flush, const char *format, ...) _printf_(3, 4);
static int leave_step(Step *step, bool flush, const char *format, ...) {
        char *reason;
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&reason, format, args);
        va_end(args);
        if (r < 0)
                return -ENOMEM;
        free(step->reason);
        step->reason = reason;
        step->action = STEP_LEAVE;
        step->expected_usec = 0;
        step->flush = flush;
        return 0;
}

/* Asks first whether the controller is ours, then what the administrator says, then whether it is
 * in use: only a controller that is ours in every other way is worth a Flush. */
static int decide_controller(const Device *device, const Config *config, Step *step) {
        const Controller *c = device->controller;
        const char *glob;

        if (device_is_undriven(device))
                return leave_step(step, false, "no driver is bound to it");
        if (device->kind == DEVICE_FOREIGN)
                return leave_step(step, false, "bound to the driver %s", c->driver);
        if (!c->transport || !STREQ(c->transport, "pcie"))
                return leave_step(step, false, "transport %s: only PCIe controllers are taken",
                                  c->transport ? c->transport : "unknown");
        step->is_under_way = controller_is_going(c);
        if (step->is_under_way)
                return leave_step(step, false, "its shutdown is under way already (state %s)",
                                  c->state);
        if (!c->driver || !STREQ(c->driver, "nvme"))
                return leave_step(step, false, "bound to %s, not to nvme",
                                  c->driver ? c->driver : "no known driver");
        if (!c->serial)
                return leave_step(step, false, "no serial number to identify it by");
        if (!c->state || !STREQ(c->state, "live"))
                return leave_step(step, false, "state is %s, not live",
                                  c->state ? c->state : "unknown");
        /* No stage acts on such a configuration. The verb "plan" shows the reason. */
        if (config->is_selection_uncertain)
                return leave_step(step, false, "Include= and Exclude= are not understood");
        if (config->include && !selection_find(config->include, device))
                return leave_step(step, false, "not selected by Include=");
        glob = selection_find(config->exclude, device);
        if (glob)
                return leave_step(step, false, "excluded by Exclude=%s", glob);
        if (c->use.kind != USE_NONE)
                return leave_step(step, config->flush, "%s",
                                  c->use.detail ? c->use.detail : use_kind_to_string(c->use.kind));
        step->action = STEP_DETACH;
        step->expected_usec = c->rtd3e_usec;
        return 0;
}

/* n_going: how many of its virtual functions are detached. */
static int check_physical_function(const Device *device, const Config *config, unsigned n_going,
                                   Step *step) {
        if (device->n_vfs == UINT_MAX)
                return leave_step(step, config->flush, "its virtual functions can't be counted");
        if (device->n_vfs > n_going)
                return leave_step(step, config->flush,
                                  "only %u of its %u virtual functions can go first", n_going,
                                  device->n_vfs);
        if (n_going > 0 && config->keep_physical_functions)
                return leave_step(step, config->flush, "it has %u virtual functions", n_going);
        return 0;
}

/* n_going: room for a count for each device. */
static int check_physical_functions(const Topology *topology, const Config *config,
                                    unsigned *n_going, Plan *plan) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                size_t physfn = topology->devices[i].physfn;
                int r;

                if (physfn == TOPOLOGY_NONE || physfn == i)
                        continue;
                if (plan->steps[i].action == STEP_DETACH) {
                        n_going[physfn]++;
                        continue;
                }
                if (plan->steps[physfn].action != STEP_DETACH)
                        continue;
                r = leave_step(&plan->steps[physfn], config->flush,
                               "its virtual function %s stays (%s)", topology->devices[i].address,
                               plan->steps[i].reason);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < topology->n_devices; i++) {
                int r;

                if (plan->steps[i].action != STEP_DETACH)
                        continue;
                r = check_physical_function(&topology->devices[i], config, n_going[i],
                                            &plan->steps[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Shutting a physical function down ends its virtual ones (SR-IOV 1.1, 2.1.2), whichever driver has
 * them: a guest may use one by vfio-pci, or be about to use one without a driver. One pass is
 * enough, as virtual functions have no virtual functions of their own. */
static int keep_physical_functions(const Topology *topology, const Config *config, Plan *plan) {
        unsigned *n_going;
        int r;

        n_going = calloc(topology->n_devices + 1, sizeof(unsigned));
        if (!n_going)
                return -ENOMEM;
        r = check_physical_functions(topology, config, n_going, plan);
        free(n_going);
        return r;
}

static int decide_actions(const Topology *topology, const Config *config, Plan *plan) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                int r;

                plan->steps[i].action = STEP_PASS;
                plan->steps[i].next = TOPOLOGY_NONE;
                if (!d->controller)
                        continue;
                r = decide_controller(d, config, &plan->steps[i]);
                if (r < 0)
                        return r;
        }
        return keep_physical_functions(topology, config, plan);
}

int plan_make(const Topology *topology, const Config *config, Plan *ret) {
        _cleanup_plan_ Plan plan = PLAN_INIT;
        int r;

        plan.steps = calloc(topology->n_devices + 1, sizeof(Step));
        if (!plan.steps)
                return -ENOMEM;
        plan.n_steps = topology->n_devices;
        r = decide_actions(topology, config, &plan);
        if (r < 0)
                return r;
        r = plan_add_gates(topology, config->order, &plan);
        if (r < 0)
                return r;
        for (size_t i = 0; i < plan.n_steps; i++)
                plan.n_detach += plan.steps[i].action == STEP_DETACH;
        *ret = TAKE(plan, PLAN_INIT);
        return 0;
}

bool plan_has_waiting_controllers(const Plan *plan) {
        for (size_t i = 0; i < plan->n_steps; i++)
                if (plan->steps[i].action == STEP_DETACH && plan->steps[i].n_gates > 0)
                        return true;
        return false;
}
