/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A directory that stands for "/". Paths have no leading slash; missing directories are made. */
#pragma once

#include <stddef.h>

#include "base/util.h"

/* Its descriptor; -1 where there is none. */
extern int root_fd;

/* Makes an empty one below $TMPDIR, and removes it again; one a process. What a suite that needs
 * nothing else has for .init and .fini. */
void fake_root_start(void);
void fake_root_done(void);

void fake_root_write(const char *path, const char *text);
void fake_root_write_binary(const char *path, const void *data, size_t size);
void fake_root_link(const char *path, const char *target);
void fake_root_remove(const char *path); /* a file, a link or a whole directory */

/* Absolute path of it; valid until the next call. */
const char *fake_root_path(const char *path);

/* The text of a file; free() it. */
char *fake_root_read(const char *path);
