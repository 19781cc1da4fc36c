/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unlikely trees, from a seed: the same seed gives the same tree. */
#pragma once

#include "model/topology.h"

typedef struct Random {
        uint64_t state;
} Random;

/* A number below n. */
size_t random_below(Random *random, size_t n);

typedef struct RandomTree {
        Topology topology;    /* sorted */
        usec_t *latency_usec; /* of each device; 0 for bridges */
} RandomTree;

/* Makes a tree of 1 to max_devices bridges and controllers in any shape:
 *   - parents before and after their children in the order of addresses;
 *   - controllers above others;
 *   - virtual functions;
 *   - controllers in use, and without a driver.
 * shuffle: another value adds the same tree's devices in another order. */
RandomTree random_tree(uint64_t seed, size_t max_devices, uint64_t shuffle);
void random_tree_done(RandomTree *tree);
