/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a shutdown's entries add up to. Plain data in, plain data out. */
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
