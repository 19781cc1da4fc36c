/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the hook's lines in what the kernel has kept of its log (pstore). */
#pragma once

#include "report/journal.h"

typedef struct PstoreRecord {
        EntryList entries; /* by boot, then in the order in which they were logged */
        size_t n_files;    /* regular files looked into */
        size_t n_broken;   /* lines of ours that are cut off or damaged */
        bool is_cut;       /* there was more than could be kept */
} PstoreRecord;

#define PSTORE_RECORD_INIT ((PstoreRecord){})

/* Reads whatever lies in var/lib/systemd/pstore (systemd-pstore.service moves it there) and
 * sys/fs/pstore, each entry once however many parts and copies it stands in. wanted() says whether
 * the entries of a boot are of interest. What can't be read is passed over. 0 or -ENOMEM. */
int pstore_record_read(int root_fd, bool (*wanted)(void *userdata, const char *boot_id),
                       void *userdata, PstoreRecord *ret) _must_check_;
void pstore_record_done(PstoreRecord *record);
