/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Properties that hold on every tree, tried on random ones. A failure names the seed. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <inttypes.h>

#include "random_tree.h"
#include "topology_builder.h"
#include "trial/ops_virtual.h"
#include "waves/waves.h"

/* Each shard is a process; together 100,000 trees and more. A sanitizer is ten times slower. */
#define SHARDS 8
#ifdef __SANITIZE_ADDRESS__
#define TREES_PER_SHARD 1500
#else
#define TREES_PER_SHARD 13000
#endif
/* Most trees are small, so that all shapes of a few devices come up; some are large. */
#define SMALL 12
#define LARGE 150
#define LARGE_EVERY 50

#define NO_STEP SIZE_MAX

typedef struct Trial {
        uint64_t seed;
        Plan plan;
        VirtualWorld world;
        Record record;
        usec_t total_usec;
} Trial;

static size_t size_of(uint64_t seed) {
        return seed % LARGE_EVERY == 0 ? LARGE : SMALL;
}

/* never: the step that does not end by itself, or NO_STEP. */
static Trial run_trial(const RandomTree *tree, uint64_t seed, Order order, unsigned max_parallel,
                       size_t never) {
        Config config = build_config();
        Trial t = { .seed = seed };
        WavesOptions options = { .max_parallel = max_parallel };

        config.order = order;
        config.flush = false;
        cr_assert(eq(int, plan_make(&tree->topology, &config, &t.plan), 0));
        cr_assert(eq(int, virtual_world_init(&t.world, t.plan.n_steps, 0), 0));
        cr_assert(eq(int, record_init(&t.record, STAGE_UNIT, ACTION_REBOOT, t.plan.n_steps), 0));
        for (size_t i = 0; i < t.plan.n_steps; i++)
                t.world.steps[i].latency_usec = i == never ? VIRTUAL_NEVER : tree->latency_usec[i];
        options.deadline_usec = t.world.now + 1000000 * USEC_PER_SEC;
        cr_assert(eq(int, waves_run(&t.plan, &ops_virtual, &t.world, &options, &t.record), 0));
        t.total_usec = t.record.ended_usec - t.record.started_usec;
        return t;
}

static void trial_done(Trial *t) {
        record_done(&t->record);
        virtual_world_done(&t->world);
        plan_done(&t->plan);
}

/* cr_assert() would cost more than the checks themselves. */
#define claim(trial, condition)                                                                    \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        cr_fatal("tree %" PRIu64 ", %s: %s", (trial)->seed, __func__, #condition); \
        } while (0)

/* Whether a waits for b by the tree alone: b is its child or its virtual function. */
static bool waits_for(const Topology *t, size_t a, size_t b) {
        return (t->devices[b].parent == a || t->devices[b].physfn == a) &&
               !device_is_undriven(&t->devices[b]);
}

static void every_controller_exactly_once(const RandomTree *tree, const Trial *t) {
        for (size_t i = 0; i < t->plan.n_steps; i++) {
                Outcome outcome = t->record.results[i].outcome;
                bool is_taken = outcome == OUTCOME_DETACHED && tree->topology.devices[i].controller;

                claim(t, outcome == OUTCOME_DETACHED || outcome == OUTCOME_LEFT);
                claim(t, t->world.steps[i].n_starts == is_taken);
                if (t->plan.steps[i].action == STEP_LEAVE)
                        claim(t, outcome == OUTCOME_LEFT);
        }
}

/* The same for a physical function and its virtual ones. A step that waits for one that stays also
 * stays, and no other step does. */
static void no_parent_before_its_last_child(const RandomTree *tree, const Trial *t) {
        const Topology *topology = &tree->topology;

        for (size_t a = 0; a < t->plan.n_steps; a++) {
                const StepResult *parent = &t->record.results[a];
                bool has_stayed = t->plan.steps[a].action == STEP_LEAVE;

                for (size_t b = 0; b < t->plan.n_steps; b++) {
                        const StepResult *child = &t->record.results[b];

                        if (!waits_for(topology, a, b))
                                continue;
                        if (child->outcome != OUTCOME_DETACHED)
                                has_stayed = true;
                        else if (parent->outcome == OUTCOME_DETACHED)
                                claim(t, parent->started_usec >= child->ended_usec);
                }
                claim(t, has_stayed == (parent->outcome == OUTCOME_LEFT));
        }
}

/* Returns the latest time at which a step would end if only the tree made it wait, worked out in
 * another way than the plan does. */
static usec_t longest_chain(const RandomTree *tree, const Trial *t) {
        size_t n = t->plan.n_steps, n_known = 0;
        usec_t *ends = calloc(n, sizeof(usec_t)), longest = 0;
        bool *is_known = calloc(n, sizeof(bool)), has_moved = true;

        while (has_moved) {
                has_moved = false;
                for (size_t a = 0; a < n; a++) {
                        bool is_ready = !is_known[a];
                        usec_t start = 0;

                        for (size_t b = 0; b < n && is_ready; b++) {
                                if (!waits_for(&tree->topology, a, b))
                                        continue;
                                is_ready = is_known[b];
                                start = ends[b] > start ? ends[b] : start;
                        }
                        if (!is_ready)
                                continue;
                        is_known[a] = has_moved = true;
                        n_known++;
                        ends[a] = start;
                        if (t->record.results[a].outcome != OUTCOME_DETACHED)
                                continue;
                        ends[a] += tree->latency_usec[a];
                        longest = ends[a] > longest ? ends[a] : longest;
                }
        }
        claim(t, n_known == n);
        free(ends);
        free(is_known);
        return longest;
}

/* chain_usec, turns included. The plan detaches a controller above one that stays, but it is never
 * begun: no hardware has such a tree, and its chain is not checked. */
static void the_plan_knows_its_longest_chain(const Trial *t) {
        usec_t longest = 0;

        for (size_t i = 0; i < t->plan.n_steps; i++) {
                const Step *step = &t->plan.steps[i];

                if (step->action == STEP_DETACH && t->record.results[i].outcome == OUTCOME_LEFT)
                        return;
                longest = step->chain_usec > longest ? step->chain_usec : longest;
        }
        claim(t, t->total_usec == longest);
}

/* Graham 1969: a schedule that never idles takes at most W/m + (1 - 1/m) L. The longest chain L is
 * the time that the same order takes without a limit. */
static void within_the_list_scheduling_bound(const RandomTree *tree, const Trial *unbounded,
                                             Order order, unsigned m) {
        Trial t = run_trial(tree, unbounded->seed, order, m, NO_STEP);
        usec_t chain = unbounded->total_usec, work = 0;

        for (size_t i = 0; i < t.plan.n_steps; i++)
                if (t.record.results[i].outcome == OUTCOME_DETACHED)
                        work += tree->latency_usec[i];
        every_controller_exactly_once(tree, &t);
        no_parent_before_its_last_child(tree, &t);
        claim(&t, t.world.max_running <= m);
        claim(&t, t.total_usec * m <= work + (m - 1) * chain);
        claim(&t, t.total_usec >= chain);
        claim(&t, t.total_usec * m >= work);
        trial_done(&t);
}

static bool is_above(const Topology *t, size_t a, size_t b) {
        if (device_is_undriven(&t->devices[b]))
                return false;
        if (t->devices[b].parent != TOPOLOGY_NONE &&
            (t->devices[b].parent == a || is_above(t, a, t->devices[b].parent)))
                return true;
        return t->devices[b].physfn != TOPOLOGY_NONE &&
               (t->devices[b].physfn == a || is_above(t, a, t->devices[b].physfn));
}

static void one_that_never_ends_delays_only_its_ancestors(const RandomTree *tree,
                                                          const Trial *reference) {
        size_t n = reference->plan.n_steps, never = reference->seed % n;
        Trial t;

        if (reference->plan.steps[never].action != STEP_DETACH ||
            reference->record.results[never].outcome != OUTCOME_DETACHED)
                return;
        t = run_trial(tree, reference->seed, ORDER_HIERARCHY, 0, never);
        claim(&t, t.record.results[never].outcome == OUTCOME_LATE);
        for (size_t i = 0; i < n; i++) {
                const StepResult *a = &t.record.results[i], *b = &reference->record.results[i];

                if (i == never)
                        continue;
                if (is_above(&tree->topology, i, never)) {
                        claim(&t, a->outcome == OUTCOME_LEFT);
                        continue;
                }
                claim(&t, a->outcome == b->outcome);
                claim(&t, a->outcome == OUTCOME_LEFT || (a->started_usec == b->started_usec &&
                                                         a->ended_usec == b->ended_usec));
        }
        trial_done(&t);
}

static void the_same_for_another_enumeration(const RandomTree *tree, const RandomTree *other,
                                             const Trial *t, Order order) {
        Trial again = run_trial(other, t->seed, order, 0, NO_STEP);

        claim(t, again.plan.n_steps == t->plan.n_steps);
        for (size_t i = 0; i < t->plan.n_steps; i++) {
                const StepResult *x = &t->record.results[i], *y = &again.record.results[i];
                const Step *a = &t->plan.steps[i], *b = &again.plan.steps[i];

                claim(t,
                      STREQ(tree->topology.devices[i].address, other->topology.devices[i].address));
                claim(t, a->action == b->action && a->n_gates == b->n_gates &&
                                 a->n_turns == b->n_turns && a->next == b->next &&
                                 a->n_opens == b->n_opens && a->chain_usec == b->chain_usec);
                for (size_t o = 0; o < a->n_opens; o++)
                        claim(t, a->opens[o] == b->opens[o]);
                claim(t, x->started_usec == y->started_usec && x->ended_usec == y->ended_usec &&
                                 x->outcome == y->outcome && x->released_by == y->released_by &&
                                 STREQ(x->reason, y->reason));
        }
        trial_done(&again);
}

static void each_order_gains_on_the_one_before(const Trial trials[_ORDER_MAX]) {
        claim(&trials[0], trials[ORDER_HIERARCHY].total_usec <= trials[ORDER_LEAVES].total_usec);
        claim(&trials[0], trials[ORDER_LEAVES].total_usec <= trials[ORDER_SERIAL].total_usec);
        claim(&trials[0], trials[ORDER_HIERARCHY].total_usec <= trials[ORDER_TWO_PASS].total_usec);
        claim(&trials[0], trials[ORDER_SERIAL].world.max_running <= 1);
}

static void check_tree(uint64_t seed) {
        RandomTree tree = random_tree(seed, size_of(seed), seed);
        RandomTree other = random_tree(seed, size_of(seed), seed + 1);
        Trial trials[_ORDER_MAX];

        for (Order order = 0; order < _ORDER_MAX; order++) {
                trials[order] = run_trial(&tree, seed, order, 0, NO_STEP);
                claim(&trials[order], trials[order].plan.warnings.n == 0);
                every_controller_exactly_once(&tree, &trials[order]);
                no_parent_before_its_last_child(&tree, &trials[order]);
                the_plan_knows_its_longest_chain(&trials[order]);
                within_the_list_scheduling_bound(&tree, &trials[order], order, 1 + seed % 5);
                the_same_for_another_enumeration(&tree, &other, &trials[order], order);
        }
        each_order_gains_on_the_one_before(trials);
        claim(&trials[0],
              trials[ORDER_HIERARCHY].total_usec == longest_chain(&tree, &trials[ORDER_HIERARCHY]));
        one_that_never_ends_delays_only_its_ancestors(&tree, &trials[ORDER_HIERARCHY]);
        for (Order order = 0; order < _ORDER_MAX; order++)
                trial_done(&trials[order]);
        random_tree_done(&other);
        random_tree_done(&tree);
}

ParameterizedTestParameters(properties, hold_on_every_tree) {
        static uint64_t shards[SHARDS];

        for (uint64_t i = 0; i < SHARDS; i++)
                shards[i] = i;
        return cr_make_param_array(uint64_t, shards, SHARDS);
}

ParameterizedTest(uint64_t *shard, properties, hold_on_every_tree, .timeout = 400) {
        for (uint64_t i = 0; i < TREES_PER_SHARD; i++)
                check_tree(*shard * TREES_PER_SHARD + i);
}

/* Whether a device waits for itself: repeatedly takes away the devices that wait for none of those
 * left, until nothing changes. */
static bool is_cyclic(const Topology *t) {
        bool *is_gone = calloc(t->n_devices, sizeof(bool)), has_moved = true;
        size_t n_left = t->n_devices;

        while (has_moved) {
                has_moved = false;
                for (size_t a = 0; a < t->n_devices; a++) {
                        bool waits = is_gone[a];

                        for (size_t b = 0; b < t->n_devices && !waits; b++)
                                waits = !is_gone[b] && waits_for(t, a, b);
                        if (waits)
                                continue;
                        is_gone[a] = has_moved = true;
                        n_left--;
                }
        }
        free(is_gone);
        return n_left > 0;
}

/* An undriven virtual function keeps its physical one, and that everything above. */
static bool keeps_a_physical_function(const Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++)
                if (device_is_undriven(&topology->devices[i]) &&
                    topology->devices[i].physfn != TOPOLOGY_NONE)
                        return true;
        return false;
}

/* Each warning is about one device that does not wait for one other; all others do. */
static void waits_but_for_what_was_warned_of(const RandomTree *tree, const Trial *t) {
        size_t n_ignored = 0;

        for (size_t a = 0; a < t->plan.n_steps; a++)
                for (size_t b = 0; b < t->plan.n_steps; b++)
                        n_ignored +=
                                t->record.results[a].outcome != OUTCOME_LEFT &&
                                waits_for(&tree->topology, a, b) &&
                                t->record.results[a].started_usec < t->record.results[b].ended_usec;
        claim(t, n_ignored <= t->plan.warnings.n);
}

static void check_links_that_go_anywhere(const RandomTree *tree, uint64_t seed, size_t *n_cyclic) {
        bool is_warned_of = is_cyclic(&tree->topology);
        Trial trials[_ORDER_MAX];

        for (Order order = 0; order < _ORDER_MAX; order++) {
                Trial *t = &trials[order];

                *t = run_trial(tree, seed, order, 0, NO_STEP);
                for (size_t i = 0; i < t->plan.n_steps; i++)
                        claim(t, t->record.results[i].outcome == OUTCOME_DETACHED ||
                                         (keeps_a_physical_function(&tree->topology) &&
                                          t->record.results[i].outcome == OUTCOME_LEFT));
                claim(t, (t->plan.warnings.n > 0) == is_warned_of);
                waits_but_for_what_was_warned_of(tree, t);
                the_plan_knows_its_longest_chain(t);
        }
        each_order_gains_on_the_one_before(trials);
        for (Order order = 0; order < _ORDER_MAX; order++)
                trial_done(&trials[order]);
        *n_cyclic += is_warned_of;
}

/* Links that go anywhere, their own way round included: each cycle is broken, with a warning, and
 * then everything starts, in every order. */
Test(properties, cycles_are_broken_wherever_they_are, .timeout = 100) {
        size_t n_cyclic = 0;

        for (uint64_t seed = 1; seed <= TREES_PER_SHARD; seed++) {
                RandomTree tree = random_tree(seed, seed % 100 == 0 ? LARGE : SMALL, seed);
                Random random = { .state = seed };
                size_t n = tree.topology.n_devices;

                for (size_t i = 0; i < n; i++) {
                        Device *d = &tree.topology.devices[i];

                        if (random_below(&random, 4) == 0)
                                d->parent = random_below(&random, n);
                        if (d->controller)
                                d->controller->use.kind = USE_NONE;
                        if (d->controller && random_below(&random, 8) == 0)
                                d->physfn = random_below(&random, n);
                }
                check_links_that_go_anywhere(&tree, seed, &n_cyclic);
                random_tree_done(&tree);
        }
        cr_expect(gt(sz, n_cyclic, TREES_PER_SHARD / 4));
        cr_expect(lt(sz, n_cyclic, TREES_PER_SHARD));
}

static void check_limit(Order order, unsigned max_parallel, uint64_t seed) {
        RandomTree tree = random_tree(seed, LARGE, seed);
        Trial t = run_trial(&tree, seed, order, max_parallel, NO_STEP);

        every_controller_exactly_once(&tree, &t);
        no_parent_before_its_last_child(&tree, &t);
        claim(&t, t.world.max_running <= max_parallel);
        trial_done(&t);
        random_tree_done(&tree);
}

/* Whatever the order and the limit. */
Test(properties, a_limit_is_kept_and_no_step_is_forgotten, .timeout = 60) {
        static const unsigned limits[] = { 1, 2, 3, 8, 1000 };

        for (Order order = 0; order < _ORDER_MAX; order++)
                for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
                        for (uint64_t seed = 50; seed <= 300; seed += 50)
                                check_limit(order, limits[i], seed);
}
