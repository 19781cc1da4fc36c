/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every file of the machine is read below a root directory: a test brings its own /sys, /proc and
 * /dev. */
#pragma once

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/util.h"

/* Opens the directory that stands for "/". Every path below is relative to it and has no leading
 * slash ("sys/class/nvme"). Returns the descriptor or -errno. */
int file_open_root(const char *root) _must_check_;

/* Whether there is anything at path; symbolic links are followed. */
bool file_exists(int root_fd, const char *path);

/* Reads one small attribute (at most 4095 bytes), trailing white space removed. Returns 0, or
 * -errno: -ENOENT/-ENODEV when it vanished, -EIO and the like as read(2) says, -EINVAL when it
 * holds a NUL. */
int file_read(int root_fd, const char *path, char **ret_value) _must_check_;

/* Opens an attribute for more than one look, or for a write later on: what stands at the path by
 * then does not matter. flags: O_RDONLY or O_WRONLY. Returns the descriptor or -errno. */
int file_open(int root_fd, const char *path, int flags) _must_check_;

/* As file_read(), from the beginning of an open attribute. -ENODEV when its device has gone. */
int file_read_fd(int fd, char **ret_value) _must_check_;

/* The same for "<dir>/<name>". */
int file_read_at(int root_fd, const char *dir, const char *name, char **ret_value) _must_check_;

/* Reads a whole file of any size (procfs tables) of at most max bytes; -EFBIG above that. The text
 * is NUL-terminated; an embedded NUL gives -EINVAL. */
int file_read_all(int root_fd, const char *path, size_t max, char **ret_text) _must_check_;

/* Last component of the symbolic link "<dir>/<name>" (driver, subsystem, physfn). */
int file_link_name(int root_fd, const char *dir, const char *name, char **ret_name) _must_check_;

/* Parses "major:minor". Returns 0 or -EINVAL. */
int parse_devnum(const char *text, dev_t *ret_devnum) _must_check_;

/* Writes value with one write(2) to path, or to an open attribute. Returns 0 or -errno. */
int file_write(int root_fd, const char *path, const char *value) _must_check_;
int file_write_fd(int fd, const char *value) _must_check_;

/* Type (S_IFMT) and device number of what path leads to. Symbolic links are followed, automounts
 * are not triggered, remote attributes are not refreshed. flags: 0, AT_EMPTY_PATH or
 * AT_SYMLINK_NOFOLLOW. 0 or -errno. */
int file_stat_node(int dir_fd, const char *path, int flags, mode_t *ret_type,
                   dev_t *ret_devnum) _must_check_;

/* The same of a file in a directory, with the device that the file itself is on. */
int file_stat(int dir_fd, const char *path, mode_t *ret_type, dev_t *ret_devnum,
              dev_t *ret_on) _must_check_;

/* Whether that -errno says that there is nothing (any more) at a path. */
bool file_is_gone(int error);

/* Opens a directory for readdir(3). 0 or -errno. */
int file_opendir(int dir_fd, const char *path, DIR **ret_dir) _must_check_;

/* The next entry's name without "." and ".."; NULL at the end, or with *ret_error = -errno set when
 * the listing broke off (0 otherwise). */
const char *file_readdir(DIR *dir, int *ret_error);

static inline void close_dir(DIR **dir) {
        if (*dir)
                (void) closedir(*dir);
}

#define _cleanup_closedir_ _cleanup_(close_dir)
