/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads records of shutdowns out of the journal, as plain data. Entries count only if root wrote
 * them (_UID=0). */
#pragma once

#include "record/entry.h"

typedef struct EntryList {
        Entry *items;
        size_t n;
} EntryList;

#define ENTRY_LIST_INIT ((EntryList){})

void entry_list_done(EntryList *list);

/* Copies the entry to the end of the list. 0 or -ENOMEM. */
int entry_list_append(EntryList *list, const Entry *entry) _must_check_;

typedef struct JournalBoot {
        char id[BOOT_ID_MAX];
        usec_t began_usec; /* CLOCK_REALTIME when CLOCK_MONOTONIC was 0; 0: only imported entries
                              speak of that boot */
        usec_t order_usec; /* for sorting */
        bool has_record;   /* of a controller, or the summary of a stage */
} JournalBoot;

typedef struct JournalRecord {
        struct sd_journal *journal;
        JournalBoot *boots; /* oldest first; the last one is running, or was when it was written */
        size_t n_boots;
} JournalRecord;

#define JOURNAL_RECORD_INIT ((JournalRecord){})

/* Opens the system's journal (path NULL), a journal file or a directory of them, and lists its
 * boots, those included of which only imported entries tell. 0 or -errno; no journal at all is
 * n_boots == 0. */
int journal_record_open(const char *path, JournalRecord *ret) _must_check_;
void journal_record_done(JournalRecord *record);

/* All entries about that boot's shutdown, each once, in the order of the journal. 0 or -errno. */
int journal_record_read(JournalRecord *record, const char *boot_id, EntryList *ret) _must_check_;

/* What we said in that boot without a MESSAGE_ID ("Standing down: Enabled=no."): up to max of the
 * last lines, oldest first, each malloc'ed, NULL behind the last one. 0 or -errno. */
int journal_record_remarks(JournalRecord *record, const char *boot_id, size_t max,
                           char **ret_remarks) _must_check_;
