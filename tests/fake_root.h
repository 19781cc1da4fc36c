/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A directory that stands for "/", one a process. Paths have no leading slash; missing directories
 * are made. All functions abort the process on failure. */
#pragma once

#include <stddef.h>

#include "base/util.h"

/* Its descriptor; -1: there is none. */
extern int root_fd;

/* Makes an empty directory below $TMPDIR, or takes one that the caller removes. */
void fake_root_start(void);
void fake_root_start_in(const char *directory);

/* Removes the directory that fake_root_start() made. */
void fake_root_done(void);

void fake_root_write(const char *path, const char *text);
void fake_root_append(const char *path, const char *text);
void fake_root_write_binary(const char *path, const void *data, size_t size);
void fake_root_link(const char *path, const char *target);
void fake_root_mkdir(const char *path);
void fake_root_remove(const char *path); /* a file, a link or a whole directory */

/* Called with the absolute path of each file before fake_root_remove() removes it, or NULL. */
extern void (*fake_root_before_remove)(const char *absolute);

/* The absolute path; valid until the next call. */
const char *fake_root_path(const char *path);

/* The text of a file of up to 64 KiB; the caller frees it. */
char *fake_root_read(const char *path);
