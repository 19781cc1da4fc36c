/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replaces a file as a whole: a reader sees the old text or the new one, and so does whoever comes
 * after a loss of power. */
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

/* Creates a file beside path (relative to dir_fd, or absolute), hidden, so that nobody who looks
 * for path's kind of file takes it. 0 or -errno. */
int atomic_file_open(int dir_fd, const char *path, mode_t mode, AtomicFile *ret) _must_check_;

/* Makes what was written durable and puts it in path's place; on an error the old file stays. Ends
 * the use of *file either way. 0 or -errno. */
int atomic_file_commit(AtomicFile *file) _must_check_;

/* Forgets what was written. */
void atomic_file_discard(AtomicFile *file);
