/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device nodes below the fake root that are plain files: openat(), statx() and ioctl() of the test
 * program lie about them. umockdev can't do that, as it knows neither descriptors nor O_EXCL, and a
 * real node would lead to a real disk. A node is named without /dev. */
#pragma once

#include <sys/types.h>

/* type: S_IFBLK or S_IFCHR. */
void mock_nodes_add(const char *node, mode_t type, dev_t devnum);
dev_t mock_nodes_devnum(const char *node);

/* openat() of the node, or of an existing file, fails with that positive errno. EBUSY: only with
 * O_EXCL. */
void mock_nodes_fail(const char *node, int error);
void mock_nodes_fail_path(const char *path, int error);

/* LOOP_GET_STATUS64 on the node answers with that backing device, or fails with that positive
 * errno. By default the node is backed by a plain file. */
void mock_nodes_set_backing(const char *node, dev_t devnum);
void mock_nodes_fail_backing(const char *node, int error);

unsigned mock_nodes_count_opens(const char *node);

/* Removes all nodes from the list, not their files. */
void mock_nodes_forget(void);
