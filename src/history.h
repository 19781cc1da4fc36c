/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a shutdown's entries add up to, and several shutdowns side by side. Plain data in, plain
 * data out. */
#pragma once

#include "entry.h"

/* One shutdown, all stages together. */
typedef struct History {
        char boot_id[BOOT_ID_MAX];
        Action action;
        Entry *controllers; /* each once, by its last stage; longest handshake first */
        size_t n_controllers;
        Entry *releases; /* bridges, in the order in which they were released */
        size_t n_releases;
        Entry *powers; /* what the next boot has found out about the drives */
        size_t n_powers;
        bool has_stage[_STAGE_MAX];
        usec_t stage_usec[_STAGE_MAX]; /* when it began; only where has_stage */
        RecordTotals totals;           /* counts by each one's last stage; times over all stages */
} History;

#define HISTORY_INIT ((History){})

/* Sorts a shutdown's entries (in any order, of one boot) into *ret. A stage whose summary got lost
 * is added up from its controllers. 0 or -ENOMEM. */
int history_make(const Entry *entries, size_t n_entries, History *ret) _must_check_;
void history_done(History *history);

/* When the bridge was released, on CLOCK_MONOTONIC. */
usec_t history_release_usec(const Entry *release);

/* A drive over several shutdowns. */
typedef struct Trend {
        char serial[sizeof(((Entry *) NULL)->serial)];
        char name[sizeof(((Entry *) NULL)->name)];   /* at the last shutdown that measured it */
        char model[sizeof(((Entry *) NULL)->model)]; /* likewise */
        usec_t *usec;        /* the handshake at each shutdown; 0: not measured there */
        usec_t last_usec;    /* the last one measured */
        usec_t earlier_usec; /* the median of those before; 0: there are none */
        bool is_slower;      /* the last one took more than half as long again as the median */
} Trend;

/* histories: oldest first. *ret: one for each serial number that was measured at least once, the
 * slower ones first, then by name; for trends_free(). 0 or -ENOMEM. */
int history_trend(const History *histories, size_t n_histories, Trend **ret,
                  size_t *ret_n) _must_check_;

/* Returns NULL. */
Trend *trends_free(Trend *trends, size_t n);
