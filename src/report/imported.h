/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Remembers of which boots the record has been imported: /var/lib/systemd/pstore keeps its files,
 * and each is to be told of once. */
#pragma once

#include "base/atomic_file.h"
#include "record/entry.h"

/* Where this program keeps what outlives a boot, below the root. */
#define STATE_DIRECTORY "var/lib/nvme-async-shutdown"
#define IMPORTED_PATH STATE_DIRECTORY "/imported"

typedef struct Imported {
        char (*boots)[BOOT_ID_MAX]; /* oldest first */
        size_t n;
        AtomicFile file;
} Imported;

#define IMPORTED_INIT ((Imported){})

/* Reads what is known; no file is nothing known, a damaged line is passed over. 0 or -errno. */
int imported_read(int root_fd, Imported *ret) _must_check_;
void imported_done(Imported *imported);

bool imported_has(const Imported *imported, const char *boot_id);

/* 0 or -ENOMEM. */
int imported_add(Imported *imported, const char *boot_id) _must_check_;

/* In two steps around the logging: begin fails while nothing has been logged yet, so that nobody
 * logs what he can't remember to have logged. Both 0 or -errno. */
int imported_begin(int root_fd, Imported *imported) _must_check_;
int imported_commit(Imported *imported) _must_check_;
