/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a shutdown's entries add up to. Plain data in, plain data out. */
#pragma once

#include "record/entry.h"

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
        bool has_summary[_STAGE_MAX];  /* one that does not contradict the entries */
        size_t n_found[_STAGE_MAX];    /* entries of controllers that are there */
        size_t n_expected[_STAGE_MAX]; /* that its summary counts; without it as many as found */
        RecordTotals totals;           /* counts by each one's last stage; times over all stages */
        size_t n_total; /* all that the counts count; n_controllers, if no entry is missing */
} History;

#define HISTORY_INIT ((History){})

/* Sorts a shutdown's entries (in any order, of one boot) into *ret. 0 or -ENOMEM.
 *
 * Entries get lost: pstore keeps the end of a kernel log, and journald drops what it has no time
 * for. So the counts are those of the stages' summaries; only a stage whose summary is lost is
 * added up from its controllers. What one stage has left the next one counts again, and each
 * controller is to be counted once, by its last stage. So the controllers of a stage are taken out
 * of what the stage before it counts: where both entries are there, the outcome in the earlier one;
 * for each of the others, whose outcome there is not known, one of those left, else failed, else
 * late: no other can come again. A controller that an earlier stage with all its entries has none
 * of came between the two, and is taken out of nothing. */
int history_make(const Entry *entries, size_t n_entries, History *ret) _must_check_;
void history_done(History *history);

/* Whether that stage has its summary and an entry for each controller that this counts. */
bool history_is_whole(const History *history, Stage stage);

/* When the bridge was released, on CLOCK_MONOTONIC. */
usec_t history_release_usec(const Entry *release);
