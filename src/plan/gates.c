/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Adds gates and turns; see gates.h. */

#include "plan/gates.h"

/* Scratch lists; each is as long as the plan. */
typedef struct Gates {
        const Topology *topology;
        Plan *plan;
        size_t *left;     /* how many of Step.n_gates are not lined up yet */
        size_t *line;     /* all steps, each later than its gates */
        size_t *blocker;  /* of a step that can't be lined up: one of its gates that can't either */
        size_t *seen;     /* in which walk (> 0) a blocked step was met */
        bool *is_forward; /* does not wait for the order's turns */
} Gates;

static void gates_done(Gates *g) {
        free(g->left);
        free(g->line);
        free(g->blocker);
        free(g->seen);
        free(g->is_forward);
}

#define _cleanup_gates_ _cleanup_(gates_done)

static int gates_init(Gates *g) {
        size_t n = g->plan->n_steps + 1;

        g->left = calloc(n, sizeof(size_t));
        g->line = calloc(n, sizeof(size_t));
        g->blocker = calloc(n, sizeof(size_t));
        g->seen = calloc(n, sizeof(size_t));
        g->is_forward = calloc(n, sizeof(bool));
        return g->left && g->line && g->blocker && g->seen && g->is_forward ? 0 : -ENOMEM;
}

static void add_gate(Plan *plan, size_t before, size_t after) {
        Step *step = &plan->steps[before];

        step->opens[step->n_opens++] = after;
        plan->steps[after].n_gates++;
}

static void add_gates(const Topology *topology, Plan *plan) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];

                /* It has no step that could end. */
                if (device_is_undriven(d))
                        continue;
                if (d->parent != TOPOLOGY_NONE)
                        add_gate(plan, i, d->parent);
                if (d->physfn != TOPOLOGY_NONE && d->physfn != d->parent)
                        add_gate(plan, i, d->physfn);
        }
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

/* Lines the steps up, each later than its gates (Kahn), in the kernel's order: the last device of
 * the topology comes first, and a parent that was passed over because of its children directly
 * follows the last of them. Returns how many steps could be lined up: less than all if there is a
 * cycle. For the others left[] is above 0. */
static size_t line_up(const Gates *g) {
        const Plan *plan = g->plan;
        size_t head = 0, tail = 0;

        for (size_t i = 0; i < plan->n_steps; i++)
                g->left[i] = plan->steps[i].n_gates;
        for (size_t i = plan->n_steps; i-- > 0;) {
                if (g->left[i] > 0)
                        continue;
                g->line[tail++] = i;
                while (head < tail) {
                        const Step *step = &plan->steps[g->line[head++]];

                        for (size_t o = 0; o < step->n_opens; o++)
                                if (--g->left[step->opens[o]] == 0 && step->opens[o] > i)
                                        g->line[tail++] = step->opens[o];
                }
        }
        return tail;
}

/* In the cycle through the step at, removes the gate of the lowest device. */
static int break_cycle(const Gates *g, size_t at) {
        const Device *devices = g->topology->devices;
        size_t lowest = at, before;

        for (size_t k = g->blocker[at]; k != at; k = g->blocker[k])
                if (k < lowest)
                        lowest = k;
        before = g->blocker[lowest];
        remove_gate(g->plan, before, lowest);
        return lines_add(&g->plan->warnings, "%s waits for itself through %s: not waiting for %s",
                         devices[lowest].address, devices[before].address, devices[before].address);
}

/* Each step that could not be lined up has a gate that could not either: a walk from one to the
 * next ends in a cycle. Breaks every cycle that such walks find, each once. */
static int break_cycles(const Gates *g) {
        const Plan *plan = g->plan;

        for (size_t i = plan->n_steps; i-- > 0;)
                for (size_t o = 0; g->left[i] > 0 && o < plan->steps[i].n_opens; o++)
                        g->blocker[plan->steps[i].opens[o]] = i;
        memset(g->seen, 0, plan->n_steps * sizeof(size_t));
        for (size_t i = 0; i < plan->n_steps; i++) {
                size_t at = i;
                int r;

                if (g->left[i] == 0)
                        continue;
                for (; g->seen[at] == 0; at = g->blocker[at])
                        g->seen[at] = i + 1;
                if (g->seen[at] != i + 1)
                        continue;
                r = break_cycle(g, at);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void order_hierarchy(const Gates *g) {
        for (size_t i = 0; i < g->plan->n_steps; i++)
                g->is_forward[i] = true;
}

static void order_leaves(const Gates *g) {
        for (size_t i = 0; i < g->plan->n_steps; i++)
                g->is_forward[i] = g->plan->steps[i].n_gates == 0;
}

/* The first pass takes all controllers but those above a bridge, which no hardware has. */
static void order_two_pass(const Gates *g) {
        for (size_t k = 0; k < g->plan->n_steps; k++)
                g->is_forward[k] = g->plan->steps[k].action != STEP_PASS;
        for (size_t k = 0; k < g->plan->n_steps; k++) {
                const Step *step = &g->plan->steps[g->line[k]];

                for (size_t o = 0; o < step->n_opens && !g->is_forward[g->line[k]]; o++)
                        g->is_forward[step->opens[o]] = false;
        }
}

static void order_serial(const Gates *g) {
        for (size_t i = 0; i < g->plan->n_steps; i++)
                g->is_forward[i] = false;
}

/* An order decides which steps need not wait for a turn, and nothing else. */
static void (*const order_table[_ORDER_MAX])(const Gates *) = {
        [ORDER_HIERARCHY] = order_hierarchy,
        [ORDER_LEAVES] = order_leaves,
        [ORDER_TWO_PASS] = order_two_pass,
        [ORDER_SERIAL] = order_serial,
};

static void add_turn(Plan *plan, size_t before, size_t after) {
        plan->steps[before].next = after;
        plan->steps[after].n_turns++;
}

/* The first step that waits for a turn is the barrier: it alone waits for all steps that go
 * forward, so that there are fewer turns than steps. */
static void add_turns(const Gates *g) {
        Plan *plan = g->plan;
        size_t first = TOPOLOGY_NONE, last = TOPOLOGY_NONE;

        for (size_t k = 0; k < plan->n_steps; k++) {
                size_t i = g->line[k];

                if (g->is_forward[i] || plan->steps[i].action == STEP_LEAVE)
                        continue;
                if (last == TOPOLOGY_NONE)
                        first = i;
                else
                        add_turn(plan, last, i);
                last = i;
        }
        for (size_t i = 0; i < plan->n_steps && first != TOPOLOGY_NONE; i++)
                if (g->is_forward[i] && plan->steps[i].action != STEP_LEAVE)
                        add_turn(plan, i, first);
}

static void set_chain(Plan *plan, size_t i) {
        Step *step = &plan->steps[i];
        usec_t above = step->next == TOPOLOGY_NONE ? 0 : plan->steps[step->next].chain_usec;

        for (size_t o = 0; o < step->n_opens; o++)
                if (plan->steps[step->opens[o]].chain_usec > above)
                        above = plan->steps[step->opens[o]].chain_usec;
        step->chain_usec = step->expected_usec + above;
}

/* Goes backwards, so that a step that waits is done before the steps that it waits for. */
static void set_chains(const Gates *g) {
        for (size_t k = g->plan->n_steps; k-- > 0;)
                if (!g->is_forward[g->line[k]])
                        set_chain(g->plan, g->line[k]);
        for (size_t k = g->plan->n_steps; k-- > 0;)
                if (g->is_forward[g->line[k]])
                        set_chain(g->plan, g->line[k]);
}

int plan_add_gates(const Topology *topology, Order order, Plan *plan) {
        _cleanup_gates_ Gates g = { .topology = topology, .plan = plan };
        int r;

        r = gates_init(&g);
        if (r < 0)
                return r;
        add_gates(topology, plan);
        while (line_up(&g) < plan->n_steps) {
                r = break_cycles(&g);
                if (r < 0)
                        return r;
        }
        order_table[order](&g);
        add_turns(&g);
        set_chains(&g);
        return 0;
}
