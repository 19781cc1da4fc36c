/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device nodes that are plain files: openat() and statx() of the test program lie about
 * them. umockdev can't: it knows neither descriptors nor O_EXCL, and a real node would lead to real
 * disks. */
#pragma once

#include <sys/types.h>

int mock_nodes_open_root(const char *root);
void mock_nodes_add(const char *node, mode_t type, dev_t devnum);
dev_t mock_nodes_devnum(const char *node);
void mock_nodes_fail(const char *node, int error);
void mock_nodes_fail_path(const char *path, int error);
/* What LOOP_GET_STATUS64 answers on that node: the number of what it stands on, or a positive
 * errno. A node of which neither was said stands on a plain file. */
void mock_nodes_set_backing(const char *node, dev_t devnum);
void mock_nodes_fail_backing(const char *node, int error);
unsigned mock_nodes_count_opens(const char *node);
void mock_nodes_forget_file(const char *path);
void mock_nodes_forget(void);
