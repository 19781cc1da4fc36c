/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints progress on the console. */
#pragma once

#include "base/util.h"

/* Opens /dev/console below root_fd for progress_show(). Returns a descriptor or -errno. */
int progress_open(int root_fd);

/* Prints a line "NVMe shutdown: 18 of 24 done, 3.2 s"; nothing if fd < 0. Never blocks: lines that
 * a stopped terminal does not take are lost. */
void progress_show(int fd, size_t n_done, size_t n_steps, usec_t elapsed_usec);
