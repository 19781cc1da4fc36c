/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a shutdown of a machine would cost in each order: the executor on a virtual clock. */
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
        usec_t kernel_usec; /* what stays, which the kernel's pass takes one by one afterwards */
        size_t n_detached;
        size_t peak; /* the most that ran at the same time */
        SimulatedWave *waves;
        size_t n_waves;
} Simulation;

#define SIMULATION_INIT ((Simulation){})

/* What a shutdown frees before its last stage: mounts except that of the root, swap, open files,
 * holders. What is exported, claimed by somebody unknown, or not known stays in use. */
void simulate_teardown(Topology *topology);

/* Runs the plan of that order, in which every controller takes its rtd3e_usec, to its end: there
 * is no deadline. config: its order is not looked at. 0 or -ENOMEM. */
int simulate(const Topology *topology, const Config *config, Order order,
             Simulation *ret) _must_check_;
void simulation_done(Simulation *simulation);

/* The share of the time in which the busiest moment's number of controllers would have been enough
 * to be always busy; 0 to 100, rounded down. */
unsigned simulation_utilisation(const Simulation *simulation);
