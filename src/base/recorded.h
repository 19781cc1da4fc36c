/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A directory in which another machine is recorded: its files at their paths, read by the readers
 * of the live one. A device node is a plain file there, which says what the device would answer. */
#pragma once

#include <sys/types.h>

#include "base/util.h"

/* Lines for people: what the snapshot could not find out. Below the root. */
#define RECORDED_UNKNOWN "nvme-async-shutdown.unknown"

/* As file_open_root(). From now on this process reads a recorded machine:
 *   - it opens only regular files and directories, never a device node;
 *   - a regular file that begins with "block MAJOR:MINOR" or "char MAJOR:MINOR" counts as that node;
 *   - what a node would be asked for is answered by its file's further lines (recorded_answer()). */
int recorded_open_root(const char *directory) _must_check_;

/* Whether recorded_open_root() was called. */
bool recorded_is_root(void);

/* 0 where only a regular file is opened at the path, or the root is live; else -errno: -EPERM for
 * anything else that can be opened. */
int recorded_check_open(int dir_fd, const char *path) _must_check_;

/* Sets type and number of the node that the regular file at the path stands for; sets nothing where
 * it stands for none. */
void recorded_read_node(int dir_fd, const char *path, mode_t *ret_type, dev_t *ret_devnum);

/* The answer in the line "QUESTION ANSWER" of a node's file:
 *   claim ERRNO     of a block device: opening it exclusively fails so (a number); absent: it works
 *   backing M:N     of a loop device: the block device that it stands on; "0:0": a plain file
 *   rtd3e USEC      of a controller: its RTD3E
 * 0; -ENODATA where there is no such line; or -errno. */
int recorded_answer(int root_fd, const char *path, const char *question,
                    char **ret_answer) _must_check_;
