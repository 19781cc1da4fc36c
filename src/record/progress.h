/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells whoever watches the console that it goes on. */
#pragma once

#include "base/util.h"

/* Opens the console for progress_show(). Returns a descriptor, or -errno: then nobody is told. */
int progress_open(int root_fd);

/* One line: "NVMe shutdown: 18 of 24 done, 3.2 s". Never blocks: what a stopped terminal does not
 * take is lost. fd < 0: nothing. */
void progress_show(int fd, size_t n_done, size_t n_steps, usec_t elapsed_usec);
