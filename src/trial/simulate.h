/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulates the shutdown of a machine in each order: the executor on a virtual clock. */
#pragma once

#include "trial/ops_virtual.h"
#include "waves/waves.h"

/* All controllers that start at the same moment. */
typedef struct SimulatedWave {
        usec_t start_usec;   /* since the stage's start */
        usec_t longest_usec; /* of the handshakes in it */
        size_t n_controllers;
} SimulatedWave;

typedef struct Simulation {
        Order order;
        Plan plan;
        Record record;
        usec_t elapsed_usec;
        usec_t busy_usec;   /* the sum of all handshakes */
        usec_t chain_usec;  /* the longest chain of steps that wait for each other */
        usec_t kernel_usec; /* of the rest, which the kernel's pass takes one by one afterwards */
        size_t n_detached;
        size_t peak; /* the highest number of steps in parallel */
        SimulatedWave *waves;
        size_t n_waves;
} Simulation;

#define SIMULATION_INIT ((Simulation){})

/* Clears the uses that a shutdown ends before its last stage: mounts except that of the root, swap,
 * open files and holders. Exports, claims and unknown uses stay. */
void simulate_teardown(Topology *topology);

/* Runs the plan of that order to its end, without a deadline. Each controller takes its
 * rtd3e_usec. Ignores config->order. Returns 0 or -ENOMEM. */
int simulate(const Topology *topology, const Config *config, Order order,
             Simulation *ret) _must_check_;
void simulation_done(Simulation *simulation);

/* Returns the average number of controllers in parallel, in percent of the peak; 0 to 100, rounded
 * down. */
unsigned simulation_utilisation(const Simulation *simulation);
