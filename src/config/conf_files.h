/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files make up a configuration, and in which order they are read. */
#pragma once

#include "base/util.h"

/* By the UAPI configuration files specification 1.0, below root_fd (see file.h): the main file
 * NAME of the first of etc, run, usr/local/lib, usr/lib that has one, then the drop-ins
 * NAME.d/?*.conf of all four, sorted by file name, of two with the same name the one in the earlier
 * directory. An empty file or one that leads to /dev/null masks: it hides those after it and is not
 * read itself. A directory that can't be listed is returned in place of its files, so that reading
 * it says why. *ret_paths: NULL-terminated, relative to root_fd, for conf_files_free(). 0 or
 * -ENOMEM. */
int conf_files_list(int root_fd, const char *name, char ***ret_paths) _must_check_;

/* Returns NULL. */
char **conf_files_free(char **paths);
