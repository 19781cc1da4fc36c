/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What main hands to each verb. */
#pragma once

#include "trial/snapshot.h"

typedef struct Arguments {
        bool json;
        bool yes;
        bool no_claim;
        bool has_stage;
        Stage stage;
        bool has_order;
        Order order;
        const char *from; /* these are as they stand on the command line, or NULL */
        const char *generate;
        const char *latency;
        const char *seed;
        const char *max_parallel;
        const char *boot;    /* report: -b, or NULL */
        const char *journal; /* report: the journal's path, or NULL */
        const char *svg;     /* report: where to write the timeline, or NULL */
        const char *metrics; /* report: the same for Prometheus */
        unsigned trend;      /* report: compare that many shutdowns; 0: don't */
        int n_operands;      /* words behind the verb */
        char **operands;
        char *argv0; /* see ops_kernel_new() */
} Arguments;

typedef struct Verb {
        const char *name;
        int (*function)(const Arguments *arguments);
        const char *help;
        int max_operands;
        const char *options; /* long names, with a blank between any two */
} Verb;

/* What this program can do; the first one is what it does without a verb. Ends with a NULL name. */
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

/* The machine that the arguments ask for: this one, or one out of a file, or a made-up one. Logs
 * what it could not know, and what is wrong. 0 or -errno. */
int verb_read_input(const Arguments *arguments, Snapshot *ret) _must_check_;
bool verb_is_this_machine(const Arguments *arguments);

/* Asks this machine's controllers how long their shutdown takes (RTD3E). Adds a line to
 * snapshot->unknown if some could not be asked. Returns 0 or -ENOMEM. */
int verb_read_times(Snapshot *snapshot) _must_check_;
