/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Access to files below a root directory, so that a test can bring a /sys, /proc and /dev of its
 * own. */
#pragma once

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/util.h"

/* A sysfs attribute and its NUL: sysfs gives a page at most. */
#define FILE_ATTRIBUTE_MAX ((size_t) 4096)

/* Opens the directory that stands for "/". Every path below is relative to it and has no leading
 * slash ("sys/class/nvme"). Returns the descriptor or -errno. */
int file_open_root(const char *root) _must_check_;

/* Whether path exists. Follows symbolic links. */
bool file_exists(int root_fd, const char *path);

/* Reads one attribute of at most 4095 bytes and removes trailing white space. The caller frees
 * *ret_value.
 *
 *   0: success.
 *   -ENOENT, -ENODEV: the attribute or its device has vanished.
 *   -EINVAL: the value holds a NUL.
 *   another -errno: as open(2) and read(2) say. */
int file_read(int root_fd, const char *path, char **ret_value) _must_check_;

/* Opens an attribute for repeated reads or for a later write, or a directory to look below it. The
 * descriptor stays with this attribute or directory, even if another device takes its path. flags:
 * O_RDONLY, O_WRONLY, or O_PATH | O_DIRECTORY. Returns the descriptor or -errno. */
int file_open(int root_fd, const char *path, int flags) _must_check_;

/* Like file_read(), from the start of an open attribute. -ENODEV if its device is gone. */
int file_read_fd(int fd, char **ret_value) _must_check_;

/* Like file_read(), for "<dir>/<name>". */
int file_read_at(int root_fd, const char *dir, const char *name, char **ret_value) _must_check_;

/* Reads a string that a drive says about itself (model, serial) and makes it printable by
 * text_clean_attribute(). dir_fd: any directory. buffer: size bytes; a longer value is cut; "" on
 * an error. 0 or -errno as file_read(). */
int file_read_printable(int dir_fd, const char *path, char *buffer, size_t size);

/* Reads a whole file of at most max bytes, such as a table in procfs. The text ends in a NUL; the
 * caller frees it. 0 or -errno: -EFBIG if the file is larger, -EINVAL if it holds a NUL. */
int file_read_all(int root_fd, const char *path, size_t max, char **ret_text) _must_check_;

/* Reads the last component of the target of the symbolic link "<dir>/<name>" (driver, subsystem,
 * physfn). The caller frees it. 0 or -errno. */
int file_link_name(int root_fd, const char *dir, const char *name, char **ret_name) _must_check_;

/* Parses "major:minor". 0 or -EINVAL. */
int parse_devnum(const char *text, dev_t *ret_devnum) _must_check_;

/* Writes value by one write(2), to path or to an open attribute. 0 or -errno. */
int file_write(int root_fd, const char *path, const char *value) _must_check_;
int file_write_fd(int fd, const char *value) _must_check_;

/* Gets the type (S_IFMT) and, for a device node, the device number of path. Follows symbolic links,
 * triggers no automount and asks no file server for fresh attributes; the lookup of the path may
 * still block on a file server. flags: 0, AT_EMPTY_PATH or AT_SYMLINK_NOFOLLOW. 0 or -errno. */
int file_stat_node(int dir_fd, const char *path, int flags, mode_t *ret_type,
                   dev_t *ret_devnum) _must_check_;

/* The same, with the number of the device that the file is stored on in *ret_on. */
int file_stat(int dir_fd, const char *path, mode_t *ret_type, dev_t *ret_devnum,
              dev_t *ret_on) _must_check_;

/* Whether a -errno says that a path or its device does not exist (any more). */
bool file_is_gone(int error);

/* Opens a directory for file_readdir(). 0 or -errno. */
int file_opendir(int dir_fd, const char *path, DIR **ret_dir) _must_check_;

/* Returns the name of the next entry other than "." and "..", or NULL: at the end with *ret_error =
 * 0, when the directory can't be read on with *ret_error = -errno. */
const char *file_readdir(DIR *dir, int *ret_error);

static inline void close_dir(DIR **dir) {
        if (*dir)
                (void) closedir(*dir);
}

#define _cleanup_closedir_ _cleanup_(close_dir)
