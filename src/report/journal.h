/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the records of shutdowns out of the journal, as plain data. Only entries that root wrote
 * (_UID=0) count: any service can send journald entries with our MESSAGE_ID. */
#pragma once

#include "base/lines.h"
#include "record/entry.h"

typedef struct EntryList {
        Entry *items;
        size_t n;
} EntryList;

#define ENTRY_LIST_INIT ((EntryList){})

void entry_list_done(EntryList *list);

#define _cleanup_entry_list_ _cleanup_(entry_list_done)

/* Copies the entry to the end of the list. Returns 0 or -ENOMEM. */
int entry_list_append(EntryList *list, const Entry *entry) _must_check_;

typedef struct JournalBoot {
        char id[BOOT_ID_MAX];
        usec_t began_usec; /* CLOCK_REALTIME when CLOCK_MONOTONIC was 0; 0: the journal has only
                              imported entries about that boot */
        usec_t order_usec; /* CLOCK_REALTIME, for sorting */
        bool has_record;   /* an entry about a controller, or the summary of a stage */
} JournalBoot;

typedef struct JournalRecord {
        struct sd_journal *journal;
        JournalBoot *boots; /* oldest first; the last one is running, or was when it was written */
        size_t n_boots;
} JournalRecord;

#define JOURNAL_RECORD_INIT ((JournalRecord){})

/* Opens a journal and lists its boots, including those that only imported entries name. Blocks on
 * the journal's files.
 *   path: a journal file, a directory of them, or NULL for the system's journal.
 * Returns 0 or -errno; without any journal n_boots is 0. */
int journal_record_open(const char *path, JournalRecord *ret) _must_check_;
void journal_record_done(JournalRecord *record);

#define _cleanup_journal_record_ _cleanup_(journal_record_done)

/* Reads all entries about that boot's shutdown, each once, in the order of the journal. Returns 0
 * or -errno. */
int journal_record_read(JournalRecord *record, const char *boot_id, EntryList *ret) _must_check_;

/* Reads the last lines, at most max, that this program logged in that boot without a MESSAGE_ID
 * ("Standing down: Enabled=no."), oldest first. Returns 0 or -errno. */
int journal_record_remarks(JournalRecord *record, const char *boot_id, size_t max,
                           Lines *ret) _must_check_;
