/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs, and what main() passes to them. */
#pragma once

#include "base/lines.h"
#include "config/config.h"
#include "model/topology.h"

/* Texts are as they stand on the command line; NULL where the option was not given. */
typedef struct Arguments {
        bool json;
        const char *root;     /* plan, simulate, config */
        const char *generate; /* plan, simulate */
        bool no_claim;        /* plan, simulate, snapshot */
        struct {
                Stage stage; /* default: STAGE_UNIT */
                Order order; /* _ORDER_INVALID: that of the configuration */
        } plan;
        struct {
                const char *latency, *seed, *max_parallel;
        } simulate;
        struct {
                const char *boot, *journal, *metrics, *svg;
                unsigned trend; /* how many shutdowns to compare; 0: none */
        } report;
        struct {
                bool yes;
        } rehearse;
        struct {
                bool at_boot;
        } exitrd;
        int n_operands; /* words after the verb */
        char **operands;
        char *argv0; /* see ops_kernel_new() */
} Arguments;

typedef struct Verb {
        const char *name;
        int (*function)(const Arguments *arguments);
        const char *help;
        int max_operands;
        const char *options; /* the long names of those that it takes, separated by blanks */
} Verb;

/* All verbs; the first one is the default. The last entry has no name. */
extern const Verb verbs[];

/* Each returns the exit status. */
int verb_plan(const Arguments *arguments);
int verb_simulate(const Arguments *arguments);
int verb_snapshot(const Arguments *arguments);
int verb_rehearse(const Arguments *arguments);
int verb_config(const Arguments *arguments);
int verb_exitrd(const Arguments *arguments);
int verb_report(const Arguments *arguments);
int verb_import(const Arguments *arguments);

/* What the verbs look at. */
typedef struct Machine {
        Config config;
        Topology topology; /* with its uses */
        Lines unknown;     /* for people: each fact that could not be found out */
} Machine;

#define MACHINE_INIT ((Machine){})

void machine_done(Machine *machine);

/* Opens the root that the arguments ask for: that of this machine or, with --root=, the directory
 * that stands for another one (recorded.h). Returns the descriptor, or -errno with the error
 * logged. */
int verb_open_root(const Arguments *arguments) _must_check_;

/* Reads the machine that the arguments ask for: the one below root_fd, or a made-up one. Logs each
 * fact that could not be found out. Returns 0, or -errno with the error logged. */
int verb_read_machine(const Arguments *arguments, int root_fd, Machine *ret) _must_check_;
bool verb_is_this_machine(const Arguments *arguments);

/* Asks this machine's controllers how long their shutdown takes (RTD3E). Adds a line to
 * machine->unknown if some could not be asked. Returns 0 or -ENOMEM. */
int verb_read_times(int root_fd, Machine *machine) _must_check_;
