/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of one shutdown, and the reason for each missing part. */
#pragma once

#include "base/lines.h"
#include "config/config.h"
#include "report/history.h"
#include "report/journal.h"

typedef struct Report {
        char boot_id[BOOT_ID_MAX]; /* "" when there is no such boot */
        usec_t began_usec;         /* CLOCK_REALTIME of that boot's start; 0: unknown */
        History history;           /* empty when there is no record */
        Lines notes;               /* for people: each missing part, why, and the way out */
} Report;

#define REPORT_INIT ((Report){})

/* Finds the boot whose shutdown is meant by spec:
 *   "-1": the boot before the last one in the journal, and so on, as for journalctl -b;
 *   "0": the last one in the journal;
 *   "1": the first one, and so on;
 *   a boot id: that boot;
 *   NULL: in this machine's journal (is_ours) the boot before the running one, else the last boot
 *     with a record.
 * Returns NULL if the journal has no such boot. *ret_is_valid is false if spec is none of these. */
const JournalBoot *report_find_boot(const JournalRecord *journal, const char *spec, bool is_ours,
                                    bool *ret_is_valid);

/* Reads the record of that boot's shutdown.
 *   boot: NULL gives a report that only explains why there is none;
 *   root_fd, config: this machine and its settings, which explain missing parts; root_fd < 0: the
 *     journal is another machine's.
 * Returns 0 or -errno. */
int report_make(JournalRecord *journal, const JournalBoot *boot, int root_fd, const Config *config,
                Report *ret) _must_check_;
void report_done(Report *report);

#define _cleanup_report_ _cleanup_(report_done)
