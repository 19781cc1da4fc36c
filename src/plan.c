/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The decision; see plan.h. */

#include "plan.h"

#include <fnmatch.h>
#include <stdarg.h>

static const char *const step_action_table[_STEP_ACTION_MAX] = {
        [STEP_DETACH] = "detach",
        [STEP_LEAVE] = "leave",
        [STEP_PASS] = "pass",
};

const char *step_action_to_string(StepAction action) {
        return action >= 0 && action < _STEP_ACTION_MAX ? step_action_table[action] : NULL;
}

void plan_done(Plan *plan) {
        for (size_t i = 0; i < plan->n_steps; i++) {
                free(plan->steps[i].reason);
                free(plan->steps[i].opens);
        }
        for (size_t i = 0; i < plan->n_warnings; i++)
                free(plan->warnings[i]);
        free(plan->steps);
        free(plan->warnings);
        *plan = PLAN_INIT;
}

/* The glob that matches one of the controller's names, or NULL. */
static const char *find_glob(char *const *globs, const Device *device) {
        const Controller *c = device->controller;
        const char *names[] = { device->address, c->name, c->model, c->serial, c->nqn };

        for (; globs && *globs; globs++)
                for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                        if (names[i] && fnmatch(*globs, names[i], 0) == 0)
                                return *globs;
        return NULL;
}

static int leave(Step *step, bool flush, const char *format, ...) _printf_(3, 4);
static int leave(Step *step, bool flush, const char *format, ...) {
        va_list args;
        int r;

        free(step->reason);
        step->reason = NULL;
        step->action = STEP_LEAVE;
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
        if (config->include && !find_glob(config->include, device))
                return leave(step, false, "not selected by Include=");
        glob = find_glob(config->exclude, device);
        if (glob)
                return leave(step, false, "excluded by Exclude=%s", glob);
        if (c->use.kind != USE_NONE)
                return leave(step, config->flush, "%s",
                             c->use.detail ? c->use.detail : use_kind_to_string(c->use.kind));
        step->action = STEP_DETACH;
        return 0;
}

/* A virtual function without a driver needs nobody; any other that stays keeps its physical one. */
static bool keeps_physfn(const Device *device, const Step *step) {
        if (step->action == STEP_DETACH)
                return false;
        return device->controller && device->controller->driver;
}

/* Shutting a physical function down takes its virtual ones with it (SR-IOV): virtual functions of
 * virtual functions do not exist, so one pass is enough. */
static int keep_physical_functions(const Topology *topology, const Config *config, Plan *plan) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                int r;

                if (d->physfn == TOPOLOGY_NONE || d->physfn == i ||
                    plan->steps[d->physfn].action != STEP_DETACH ||
                    !keeps_physfn(d, &plan->steps[i]))
                        continue;
                r = leave(&plan->steps[d->physfn], config->flush,
                          "its virtual function %s stays (%s)", d->address, plan->steps[i].reason);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_gate(Plan *plan, size_t before, size_t after) {
        Step *step = &plan->steps[before];
        size_t *opens;

        for (size_t i = 0; i < step->n_opens; i++)
                if (step->opens[i] == after)
                        return 0;
        opens = reallocarray(step->opens, step->n_opens + 1, sizeof(size_t));
        if (!opens)
                return -ENOMEM;
        step->opens = opens;
        step->opens[step->n_opens++] = after;
        plan->steps[after].n_gates++;
        return 0;
}

/* Order=hierarchy: refcounted, nobody waits for a sibling's subtree. */
static int add_gates_hierarchy(const Topology *topology, Plan *plan) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                int r = 0;

                if (d->parent != TOPOLOGY_NONE)
                        r = add_gate(plan, i, d->parent);
                if (r >= 0 && d->physfn != TOPOLOGY_NONE)
                        r = add_gate(plan, i, d->physfn);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_warning(Plan *plan, const char *format, ...) _printf_(2, 3);
static int add_warning(Plan *plan, const char *format, ...) {
        char **warnings, *warning;
        va_list args;
        int r;

        warnings = reallocarray(plan->warnings, plan->n_warnings + 2, sizeof(char *));
        if (!warnings)
                return -ENOMEM;
        plan->warnings = warnings;
        va_start(args, format);
        r = vasprintf(&warning, format, args);
        va_end(args);
        if (r < 0)
                return -ENOMEM;
        warnings[plan->n_warnings++] = warning;
        warnings[plan->n_warnings] = NULL;
        return 0;
}

static void remove_gate(Plan *plan, size_t before, size_t after) {
        Step *step = &plan->steps[before];

        for (size_t i = 0; i < step->n_opens; i++)
                if (step->opens[i] == after) {
                        step->opens[i] = step->opens[--step->n_opens];
                        plan->steps[after].n_gates--;
                        return;
                }
}

/* A step among the gates of i that can't start either. */
static size_t blocked_predecessor(const Plan *plan, const size_t *gates, size_t i) {
        for (size_t k = 0; k < plan->n_steps; k++) {
                if (gates[k] == 0)
                        continue;
                for (size_t o = 0; o < plan->steps[k].n_opens; o++)
                        if (plan->steps[k].opens[o] == i)
                                return k;
        }
        return TOPOLOGY_NONE;
}

/* Walks the gates backwards from a blocked step: after n_steps moves we stand inside the cycle
 * itself and not merely behind it. The lowest device of the cycle loses the gate that the cycle
 * puts on it. */
static int break_one_cycle(const Topology *topology, Plan *plan, const size_t *gates,
                           size_t start) {
        size_t at = start, lowest, before;

        for (size_t n = 0; n < plan->n_steps; n++)
                at = blocked_predecessor(plan, gates, at);
        lowest = at;
        for (size_t k = blocked_predecessor(plan, gates, at); k != at;
             k = blocked_predecessor(plan, gates, k))
                if (k < lowest)
                        lowest = k;
        before = blocked_predecessor(plan, gates, lowest);
        remove_gate(plan, before, lowest);
        return add_warning(plan, "%s waits for itself by way of %s: not waiting for %s",
                           topology->devices[lowest].address, topology->devices[before].address,
                           topology->devices[before].address);
}

/* Lets every step go whose gates are open (Kahn); gates[] holds what is left. Returns a step that
 * can never start, or TOPOLOGY_NONE. */
static size_t find_blocked(const Plan *plan, size_t *gates, size_t *queue) {
        size_t head = 0, tail = 0;

        for (size_t i = 0; i < plan->n_steps; i++) {
                gates[i] = plan->steps[i].n_gates;
                if (gates[i] == 0)
                        queue[tail++] = i;
        }
        while (head < tail) {
                const Step *step = &plan->steps[queue[head++]];

                for (size_t o = 0; o < step->n_opens; o++)
                        if (--gates[step->opens[o]] == 0)
                                queue[tail++] = step->opens[o];
        }
        for (size_t i = 0; i < plan->n_steps; i++)
                if (gates[i] > 0)
                        return i;
        return TOPOLOGY_NONE;
}

static int break_cycles(const Topology *topology, Plan *plan) {
        size_t *gates, *queue, blocked;
        int r = 0;

        gates = calloc(plan->n_steps + 1, sizeof(size_t));
        queue = calloc(plan->n_steps + 1, sizeof(size_t));
        if (!gates || !queue)
                r = -ENOMEM;
        while (r >= 0 && (blocked = find_blocked(plan, gates, queue)) != TOPOLOGY_NONE)
                r = break_one_cycle(topology, plan, gates, blocked);
        free(gates);
        free(queue);
        return r;
}

/* Each order is one function that chooses gates; the executor knows none of them. */
static int (*const add_gates_table[_ORDER_MAX])(const Topology *, Plan *) = {
        [ORDER_HIERARCHY] = add_gates_hierarchy,
};

static int decide(const Topology *topology, const Config *config, Plan *plan) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                int r;

                plan->steps[i].action = STEP_PASS;
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
                r = add_gates_table[config->order](topology, &plan);
        if (r >= 0)
                r = break_cycles(topology, &plan);
        if (r < 0) {
                plan_done(&plan);
                return r;
        }
        for (size_t i = 0; i < plan.n_steps; i++)
                plan.n_detach += plan.steps[i].action == STEP_DETACH;
        *ret = plan;
        return 0;
}
