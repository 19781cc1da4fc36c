/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds our lines in the kernel logs that pstore kept. */
#pragma once

#include "report/journal.h"

typedef struct PstoreRecord {
        EntryList entries; /* sorted by boot, then in the order in which they were logged */
        size_t n_files;    /* regular files that were read */
        size_t n_broken;   /* lines of ours that are cut off or damaged */
        bool is_cut;       /* there were more files or entries than the limits allow */
} PstoreRecord;

#define PSTORE_RECORD_INIT ((PstoreRecord){})

/* Reads every file in var/lib/systemd/pstore, to which systemd-pstore.service moves the records,
 * and in sys/fs/pstore. The same entry may be in several parts and copies; it is returned once.
 * Skips each file that can't be read.
 *   wanted: returns whether the caller wants the entries of that boot.
 * Returns 0 or -ENOMEM. */
int pstore_record_read(int root_fd, bool (*wanted)(void *userdata, const char *boot_id),
                       void *userdata, PstoreRecord *ret) _must_check_;
void pstore_record_done(PstoreRecord *record);

#define _cleanup_pstore_record_ _cleanup_(pstore_record_done)
