/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The decision; see plan.h. */

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

static int leave(Step *step, bool flush, const char *format, ...) _printf_(3, 4);
static int leave(Step *step, bool flush, const char *format, ...) {
        va_list args;
        int r;

        free(step->reason);
        step->reason = NULL;
        step->action = STEP_LEAVE;
        step->expected_usec = 0;
        step->flush = flush;
        va_start(args, format);
        r = vasprintf(&step->reason, format, args);
        va_end(args);
        if (r < 0) {
                step->reason = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* What nobody may touch comes first, then what the admin said, then what is needed: only a
 * controller that is ours in every other way is worth a Flush. */
static int decide_controller(const Device *device, const Config *config, Step *step) {
        const Controller *c = device->controller;
        const char *glob;

        if (device_is_undriven(device))
                return leave(step, false, "no driver is bound to it");
        if (device->kind == DEVICE_FOREIGN)
                return leave(step, false, "bound to the driver %s", c->driver);
        if (!c->transport || !STREQ(c->transport, "pcie"))
                return leave(step, false, "transport %s: only PCIe controllers are taken",
                             c->transport ? c->transport : "unknown");
        if (!c->driver || !STREQ(c->driver, "nvme"))
                return leave(step, false, "bound to %s, not to nvme",
                             c->driver ? c->driver : "no known driver");
        if (!c->serial)
                return leave(step, false, "no serial number to recognise it by");
        if (!c->state || !STREQ(c->state, "live"))
                return leave(step, false, "state is %s, not live", c->state ? c->state : "unknown");
        /* No stage runs then; the plan shows it, and would be harmless if one did. */
        if (config->is_selection_uncertain)
                return leave(step, false, "Include= and Exclude= are not understood");
        if (config->include && !selection_find(config->include, device))
                return leave(step, false, "not selected by Include=");
        glob = selection_find(config->exclude, device);
        if (glob)
                return leave(step, false, "excluded by Exclude=%s", glob);
        if (c->use.kind != USE_NONE)
                return leave(step, config->flush, "%s",
                             c->use.detail ? c->use.detail : use_kind_to_string(c->use.kind));
        step->action = STEP_DETACH;
        step->expected_usec = c->rtd3e_usec;
        return 0;
}

/* n_going: of its virtual functions, as many as go too. */
static int keep_physical_function(const Device *device, const Config *config, unsigned n_going,
                                  Step *step) {
        if (device->n_vfs == UINT_MAX)
                return leave(step, config->flush, "its virtual functions can't be counted");
        if (device->n_vfs > n_going)
                return leave(step, config->flush,
                             "it has %u virtual functions, and %u of them can go first",
                             device->n_vfs, n_going);
        if (n_going > 0 && config->keep_physical_functions)
                return leave(step, config->flush, "it has %u virtual functions", n_going);
        return 0;
}

/* Shutting a physical function down ends its virtual ones (SR-IOV 1.1, 2.1.2), whichever driver has
 * them: a guest may use one by vfio-pci, and one without a driver may be about to be used. Virtual
 * functions have none of their own, so that one pass is enough. */
static int keep_physical_functions(const Topology *topology, const Config *config, Plan *plan) {
        unsigned *n_going = calloc(topology->n_devices + 1, sizeof(unsigned));
        int r = n_going ? 0 : -ENOMEM;

        for (size_t i = 0; i < topology->n_devices && r >= 0; i++) {
                size_t physfn = topology->devices[i].physfn;

                if (physfn == TOPOLOGY_NONE || physfn == i)
                        continue;
                n_going[physfn] += plan->steps[i].action == STEP_DETACH;
                if (plan->steps[i].action != STEP_DETACH &&
                    plan->steps[physfn].action == STEP_DETACH)
                        r = leave(&plan->steps[physfn], config->flush,
                                  "its virtual function %s stays (%s)",
                                  topology->devices[i].address, plan->steps[i].reason);
        }
        for (size_t i = 0; i < topology->n_devices && r >= 0; i++)
                if (plan->steps[i].action == STEP_DETACH)
                        r = keep_physical_function(&topology->devices[i], config, n_going[i],
                                                   &plan->steps[i]);
        free(n_going);
        return r;
}

static int decide(const Topology *topology, const Config *config, Plan *plan) {
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
        Plan plan = PLAN_INIT;
        int r;

        plan.steps = calloc(topology->n_devices + 1, sizeof(Step));
        if (!plan.steps)
                return -ENOMEM;
        plan.n_steps = topology->n_devices;
        r = decide(topology, config, &plan);
        if (r >= 0)
                r = plan_add_gates(topology, config->order, &plan);
        if (r < 0) {
                plan_done(&plan);
                return r;
        }
        for (size_t i = 0; i < plan.n_steps; i++)
                plan.n_detach += plan.steps[i].action == STEP_DETACH;
        *ret = plan;
        return 0;
}

bool plan_has_waiting_controllers(const Plan *plan) {
        for (size_t i = 0; i < plan->n_steps; i++)
                if (plan->steps[i].action == STEP_DETACH && plan->steps[i].n_gates > 0)
                        return true;
        return false;
}
