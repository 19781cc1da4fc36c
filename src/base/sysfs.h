/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads attributes below a root directory, so that a test can bring its own /sys, /proc and /dev.
 */
#pragma once

#include <sys/types.h>

#include "base/util.h"

/* Opens the directory that stands for "/". Every path below is relative to it and has no leading
 * slash ("sys/class/nvme"). Returns the descriptor or -errno. */
int sysfs_open_root(const char *root) _must_check_;

/* Whether there is anything at path; symbolic links are followed. */
bool sysfs_exists(int root_fd, const char *path);

/* Reads one small attribute (at most 4095 bytes), trailing white space removed. Returns 0, or
 * -errno: -ENOENT/-ENODEV when it vanished, -EIO and the like as read(2) says, -EINVAL when it
 * holds a NUL. */
int sysfs_read(int root_fd, const char *path, char **ret_value) _must_check_;

/* Opens an attribute for more than one look, or for a write later on: what stands at the path by
 * then does not matter. flags: O_RDONLY or O_WRONLY. Returns the descriptor or -errno. */
int sysfs_open_attribute(int root_fd, const char *path, int flags) _must_check_;

/* As sysfs_read(), from the beginning of an open attribute. -ENODEV when its device has gone. */
int sysfs_read_fd(int fd, char **ret_value) _must_check_;

/* The same for "<dir>/<name>". */
int sysfs_read_at(int root_fd, const char *dir, const char *name, char **ret_value) _must_check_;

/* Reads a whole file of any size (procfs tables) of at most max bytes; -EFBIG above that. The text
 * is NUL-terminated; an embedded NUL gives -EINVAL. */
int sysfs_read_all(int root_fd, const char *path, size_t max, char **ret_text) _must_check_;

/* Last component of the symbolic link "<dir>/<name>" (driver, subsystem, physfn). */
int sysfs_link_name(int root_fd, const char *dir, const char *name, char **ret_name) _must_check_;

/* Parses "major:minor". Returns 0 or -EINVAL. */
int parse_devnum(const char *text, dev_t *ret_devnum) _must_check_;

/* Writes value with one write(2) to path, or to an open attribute. Returns 0 or -errno. */
int sysfs_write(int root_fd, const char *path, const char *value) _must_check_;
int sysfs_write_fd(int fd, const char *value) _must_check_;
