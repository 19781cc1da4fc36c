/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that can be known about one shutdown, and what can't, with the reason. */
#pragma once

#include "config/config.h"
#include "report/history.h"
#include "report/journal.h"

#define NOTES_MAX 16

/* For people: what is missing from a report, and the way out. */
typedef struct Notes {
        char *items[NOTES_MAX];
        size_t n;
} Notes;

/* Drops what does not fit any more, and for want of memory. */
void notes_add(Notes *notes, const char *format, ...) _printf_(2, 3);
void notes_done(Notes *notes);

typedef struct Report {
        char boot_id[BOOT_ID_MAX]; /* "" when there is no such boot */
        usec_t began_usec;         /* CLOCK_REALTIME of that boot's start; 0: unknown */
        History history;           /* empty when there is no record */
        Notes notes;
} Report;

#define REPORT_INIT ((Report){})

/* Which boot's shutdown: as for journalctl -b, "-1" is the one before the last, "0" the last one in
 * the journal, "1" the first; or a boot id. NULL: the one before the running one, or in a journal
 * from elsewhere (is_ours false) the last one with a record. The boot; NULL when there is none;
 * *ret_is_valid says whether spec could be understood. */
const JournalBoot *report_find_boot(const JournalRecord *journal, const char *spec, bool is_ours,
                                    bool *ret_is_valid);

/* Reads that boot's record (boot NULL: says why there is none). root_fd and config say how this
 * machine is set up now, for what is missing; root_fd < 0: the journal is another machine's. 0 or
 * -errno. */
int report_make(JournalRecord *journal, const JournalBoot *boot, int root_fd, const Config *config,
                Report *ret) _must_check_;
void report_done(Report *report);
