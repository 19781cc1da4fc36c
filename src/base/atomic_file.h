/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replaces a file as a whole: a reader sees the old text or the new one, even after power
 * loss. */
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "base/util.h"

typedef struct AtomicFile {
        FILE *stream; /* write here */
        int dir_fd;
        char path[PATH_MAX];
        char temporary[PATH_MAX];
} AtomicFile;

/* Creates a hidden temporary file beside path (relative to dir_fd, or absolute). 0 or -errno. */
int atomic_file_open(int dir_fd, const char *path, mode_t mode, AtomicFile *ret) _must_check_;

/* Syncs the temporary file and renames it to path. On an error the old file stays. *file is closed
 * either way. 0 or -errno. */
int atomic_file_commit(AtomicFile *file) _must_check_;

/* Removes the temporary file. Does nothing after atomic_file_commit(). */
void atomic_file_discard(AtomicFile *file);
