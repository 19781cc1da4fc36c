/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the files of a configuration, in the order in which they are read. */
#pragma once

#include "base/util.h"

/* Lists the files below root_fd (see file.h) by the UAPI configuration files specification 1.0:
 *
 *   - The main file NAME, from the first of etc, run, usr/local/lib, usr/lib that has one.
 *   - The drop-ins NAME.d/?*.conf of all four directories, sorted by file name. Of drop-ins with
 *     the same name only the one in the first directory is listed.
 *   - A file that is empty or leads to /dev/null masks: it is not listed, and hides files of its
 *     name in the directories after it.
 *   - A directory that can't be read is listed itself, so that the caller gets and reports the
 *     error.
 *
 * *ret_paths: relative to root_fd, NULL-terminated, to be freed by conf_files_free(). 0 or
 * -ENOMEM. */
int conf_files_list(int root_fd, const char *name, char ***ret_paths) _must_check_;

/* Frees the list; paths may be NULL. Returns NULL. */
char **conf_files_free(char **paths);

static inline void conf_files_freep(char ***paths) {
        (void) conf_files_free(*paths);
}

#define _cleanup_conf_files_ _cleanup_(conf_files_freep)
