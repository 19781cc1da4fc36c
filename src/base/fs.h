/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looks at device nodes and directories below a descriptor without ever asking a file server. */
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include "base/util.h"

/* Type (S_IFMT) and device number of what path leads to. Symbolic links are followed, automounts
 * are not triggered, remote attributes are not refreshed. flags: 0 or AT_EMPTY_PATH. 0 or -errno.
 */
int fs_stat_node(int dir_fd, const char *path, int flags, mode_t *ret_type,
                 dev_t *ret_devnum) _must_check_;

/* The same of a file in a directory, with the device that the file itself is on. */
int fs_stat_file(int dir_fd, const char *path, mode_t *ret_type, dev_t *ret_devnum,
                 dev_t *ret_on) _must_check_;

/* Whether that -errno says that there is nothing (any more) at a path. */
bool fs_is_gone(int error);

/* Opens a directory for readdir(3). 0 or -errno. */
int fs_opendir(int dir_fd, const char *path, DIR **ret_dir) _must_check_;

/* The next entry's name without "." and ".."; NULL at the end, or with *ret_error = -errno set when
 * the listing broke off (0 otherwise). */
const char *fs_readdir(DIR *dir, int *ret_error);

static inline void close_dir(DIR **dir) {
        if (*dir)
                (void) closedir(*dir);
}

#define _cleanup_closedir_ _cleanup_(close_dir)
