/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shutdown time of each controller in a simulation. */
#pragma once

#include "model/topology.h"

/* For a drive of which nothing is known: the time of a drive in the fleet that the first kernel
 * patches were written for (Suresh, 2022: 16 drives, 80 s). */
#define LATENCY_DEFAULT_USEC (4500 * USEC_PER_MSEC)

typedef enum LatencyKind {
        LATENCY_KNOWN, /* as the drive says (RTD3E), else the default */
        LATENCY_RANGE, /* evenly from times[0] to times[1] */
        LATENCY_LIST,  /* one of times */
} LatencyKind;

#define LATENCY_TIMES_MAX 64

typedef struct Latency {
        LatencyKind kind;
        usec_t times[LATENCY_TIMES_MAX];
        size_t n_times;
        uint64_t seed;
} Latency;

/* The number of controllers by the source of their time. */
typedef struct LatencySources {
        size_t n_rtd3e;
        size_t n_given;   /* by range or list */
        size_t n_assumed; /* the default */
} LatencySources;

/* Returns whether the device has a shutdown handshake when the machine goes down: it is on PCIe and
 * bound to nvme. */
bool latency_counts(const Device *device);

/* "2s", "0.1s-13s" or "1s,2s,4s"; see text_parse_time(). Keeps latency->seed. Returns 0 or
 * -EINVAL. */
int latency_parse(const char *text, Latency *latency) _must_check_;

/* Sets rtd3e_usec of every controller that latency_counts(). The same seed gives a controller the
 * same time, however many controllers follow it. */
LatencySources latency_apply(const Latency *latency, Topology *topology);
