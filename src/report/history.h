/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Merges and adds up the entries of all stages of a shutdown. Plain data in, plain data out. */
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
        Entry *programs; /* of Release=, in the order given */
        size_t n_programs;
        Entry *powers; /* the entries of the next boot about the drives' counters */
        size_t n_powers;
        bool has_stage[_STAGE_MAX];
        usec_t stage_usec[_STAGE_MAX]; /* the stage's start, CLOCK_MONOTONIC; only with has_stage */
        bool has_summary[_STAGE_MAX];  /* a summary that does not contradict the entries */
        size_t n_found[_STAGE_MAX];    /* entries of controllers */
        size_t n_expected[_STAGE_MAX]; /* controllers in the summary; without one, n_found */
        RecordTotals totals;           /* counts by each one's last stage; times over all stages */
        size_t n_total; /* the sum of the counts; equals n_controllers if no entry is missing */
} History;

#define HISTORY_INIT ((History){})

/* Sorts the entries of one shutdown, given in any order, into *ret. Returns 0 or -ENOMEM.
 *
 * Programs count for nothing: a stage of which only they are known has no record.
 * A stage that did not wait for a controller has two entries of it: begun or late, and how it ended,
 * which comes from the worker. They become one, with what each knows (Entry.said_before). Such a stage
 * has two summaries as well, and the one with fewer controllers whose end is not known counts.
 *
 * Entries get lost: pstore keeps the end of a kernel log, and journald drops entries when it has no
 * time for them. So the counts come from the summaries of the stages; a stage without a summary is
 * added up from its controllers. A stage counts again the controllers that an earlier stage left,
 * but each controller must count once, by its last stage; by the earlier one if the later one only
 * saw that its shutdown was under way. So each controller of a stage is removed from the counts of the
 * stage before:
 *   both stages have its entry: it is removed from its outcome in the earlier stage;
 *   the earlier stage lacks its entry: it is removed from those left, else failed, else late, as no
 *     other outcome comes back;
 *   the earlier stage has all entries but not this one: the controller appeared in between, and
 *     nothing is removed. */
int history_make(const Entry *all, size_t n_all, History *ret) _must_check_;
void history_done(History *history);

#define _cleanup_history_ _cleanup_(history_done)

/* Whether any stage has a record. */
bool history_has_record(const History *history);

/* Returns the start of the first stage that has a record, CLOCK_MONOTONIC; 0 without a record. */
usec_t history_began_usec(const History *history);

/* Whether the stage has its summary and an entry for each controller in it. */
bool history_is_whole(const History *history, Stage stage);

/* Returns the time at which the bridge was released, CLOCK_MONOTONIC. */
usec_t history_release_usec(const Entry *release);
