/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A directory with the recorded files of another machine, for the readers of the live one. A device
 * node is a plain file there, with the answers of the device. */
#pragma once

#include <sys/types.h>

#include "base/util.h"

/* A file below the root, with a line for each fact that the snapshot could not find out. */
#define RECORDED_UNKNOWN "nvme-async-shutdown.unknown"

/* Like file_open_root(). From now on the process reads a recorded machine:
 *   - file_open() and its kin open regular files only, never a device node;
 *   - file_stat_node() takes a regular file that begins with "block MAJOR:MINOR" or
 *     "char MAJOR:MINOR" for that node;
 *   - further lines of such a file are the answers of the device (recorded_answer()). */
int recorded_open_root(const char *directory) _must_check_;

/* Returns whether recorded_open_root() was called. */
bool recorded_is_root(void);

/* Checks a path before it is opened. Returns 0 if the root is live or the path leads to a regular
 * file; -EPERM if it leads to anything else; or -errno. */
int recorded_check_open(int dir_fd, const char *path) _must_check_;

/* Sets type and number of the node that a regular file stands for, or nothing if it is a file like
 * any other. */
void recorded_read_node(int dir_fd, const char *path, mode_t *ret_type, dev_t *ret_devnum);

/* Reads the line "QUESTION ANSWER" of a node's file:
 *   claim ERRNO     block device: the number of the error of an exclusive open; no line: it works
 *   backing M:N     loop device: the block device that it stands on; "0:0": a plain file
 *   content KIND    block device: what udev found on it (content.h); no line: nothing
 *   label TEXT      block device: the name that its content bears
 *   rtd3e USEC      controller: its RTD3E
 * Returns 0, -ENODATA without such a line, or -errno. */
int recorded_answer(int root_fd, const char *path, const char *question,
                    char **ret_answer) _must_check_;
