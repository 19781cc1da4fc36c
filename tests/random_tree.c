/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sketches a tree, then adds its devices in any order; see random_tree.h. */

#include "random_tree.h"

#include <assert.h>

#include "topology_builder.h"

size_t random_below(Random *random, size_t n) {
        random->state = random->state * 6364136223846793005U + 1442695040888963407U;
        return (size_t) (random->state >> 33) % n;
}

/* A device before it gets its place in the enumeration. */
typedef struct Sketch {
        size_t parent; /* of those before; SIZE_MAX: none */
        size_t physfn;
        bool is_controller;
        UseKind use;
        bool is_undriven;
        usec_t latency_usec;
        size_t number; /* makes the address; unique */
} Sketch;

static void shuffle_numbers(Random *random, size_t *numbers, size_t n) {
        for (size_t i = 0; i < n; i++)
                numbers[i] = i;
        for (size_t i = n; i-- > 1;) {
                size_t k = random_below(random, i + 1), swap = numbers[i];

                numbers[i] = numbers[k];
                numbers[k] = swap;
        }
}

static void sketch_device(Random *random, Sketch *s, const Sketch *all, size_t i,
                          unsigned use_percent) {
        *s = (Sketch){ .parent = SIZE_MAX, .physfn = SIZE_MAX, .number = s->number };
        if (i > 0 && random_below(random, 100) < 90)
                s->parent = random_below(random, i);
        s->is_controller = random_below(random, 100) < 60;
        /* Few controllers are above others. */
        if (s->parent != SIZE_MAX && all[s->parent].is_controller && random_below(random, 4) > 0)
                s->parent = all[s->parent].parent;
        if (!s->is_controller)
                return;
        s->latency_usec = random_below(random, 10) == 0 ? 0 : random_below(random, 13000000);
        if (random_below(random, 100) < use_percent)
                s->use = 1 + random_below(random, _USE_KIND_MAX - 1);
        for (size_t k = 0; k < i && random_below(random, 3) == 0; k++)
                if (all[k].is_controller && all[k].physfn == SIZE_MAX && !all[k].is_undriven &&
                    random_below(random, 3) == 0) {
                        s->physfn = k;
                        /* Its physical function is beside it on the bus, not below it. */
                        s->parent = all[k].parent;
                        s->is_undriven = random_below(random, 5) == 0;
                        break;
                }
}

static void build_device(Topology *t, const Sketch *s) {
        char address[32], name[32];

        (void) snprintf(address, sizeof(address), "%04zx:%02zx:%02zx.%zx", s->number >> 16,
                        s->number >> 8 & 0xff, s->number >> 3 & 0x1f, s->number & 7);
        (void) snprintf(name, sizeof(name), "nvme%zu", s->number);
        if (!s->is_controller)
                (void) build_bridge(t, DEVICE_BRIDGE, address, NULL);
        else if (s->is_undriven)
                (void) build_foreign(t, address, NULL, NULL);
        else
                (void) build_nvme(t, name, address, NULL);
        if (s->use != USE_NONE && !s->is_undriven)
                build_use(t, address, s->use, "in use");
}

RandomTree random_tree(uint64_t seed, size_t max_devices, uint64_t shuffle) {
        Random random = { .state = seed * 0x9e3779b97f4a7c15U + 1 }, other = { .state = shuffle };
        size_t n = 1 + random_below(&random, max_devices), *numbers, *order, *where;
        unsigned use_percent = random_below(&random, 3) == 0 ? 20 : 0;
        RandomTree tree = {};
        Sketch *all;

        all = calloc(n, sizeof(Sketch));
        numbers = calloc(n, sizeof(size_t));
        order = calloc(n, sizeof(size_t));
        where = calloc(n, sizeof(size_t));
        assert(all && numbers && order && where);
        shuffle_numbers(&random, numbers, n);
        shuffle_numbers(&other, order, n);
        for (size_t i = 0; i < n; i++) {
                /* Numbers differ in their last 16 bits, of which an address has room for 16. */
                all[i].number = numbers[i];
                sketch_device(&random, &all[i], all, i, use_percent);
        }
        for (size_t i = 0; i < n; i++) {
                build_device(&tree.topology, &all[order[i]]);
                where[order[i]] = i;
        }
        for (size_t i = 0; i < n; i++) {
                Device *d = &tree.topology.devices[where[i]];

                if (all[i].parent != SIZE_MAX)
                        d->parent = where[all[i].parent];
                if (all[i].physfn != SIZE_MAX)
                        d->physfn = where[all[i].physfn];
                if (d->controller)
                        d->controller->rtd3e_usec = all[i].latency_usec;
        }
        assert(topology_sort(&tree.topology) == 0);
        tree.latency_usec = calloc(n, sizeof(usec_t));
        assert(tree.latency_usec);
        for (size_t i = 0; i < n; i++)
                if (tree.topology.devices[i].controller)
                        tree.latency_usec[i] = tree.topology.devices[i].controller->rtd3e_usec;
        free(all);
        free(numbers);
        free(order);
        free(where);
        return tree;
}

void random_tree_done(RandomTree *tree) {
        topology_done(&tree->topology);
        free(tree->latency_usec);
}
