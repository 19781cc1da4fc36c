/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Remembers the boots whose records were imported: /var/lib/systemd/pstore keeps its files, and
 * each record goes to the journal once. */
#pragma once

#include "base/atomic_file.h"
#include "record/entry.h"

/* Our state that outlives a boot, below the root. */
#define STATE_DIRECTORY "var/lib/nvme-async-shutdown"
#define IMPORTED_PATH STATE_DIRECTORY "/imported"

typedef struct Imported {
        char (*boots)[BOOT_ID_MAX]; /* oldest first */
        size_t n;
        AtomicFile file;
} Imported;

#define IMPORTED_INIT ((Imported){})

/* Reads the file. Without one *ret is empty; a damaged line is skipped. Returns 0 or -errno. */
int imported_read(int root_fd, Imported *ret) _must_check_;
void imported_done(Imported *imported);

#define _cleanup_imported_ _cleanup_(imported_done)

bool imported_has(const Imported *imported, const char *boot_id);

/* Returns 0 or -ENOMEM. */
int imported_add(Imported *imported, const char *boot_id) _must_check_;

/* Write the file in two steps around the logging:
 *   imported_begin(): writes a temporary file, so that a full disk fails before anything is logged;
 *   imported_commit(): puts it in place. A crash in between makes the next import start over.
 * Both return 0 or -errno. */
int imported_begin(int root_fd, Imported *imported) _must_check_;
int imported_commit(Imported *imported) _must_check_;
