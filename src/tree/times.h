/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps the RTD3E of each controller from the boot to the shutdown, when an Identify command could
 * block. Only for the order in which MaxParallel= starts controllers. */
#pragma once

#include "model/topology.h"

/* Below the root. /run is writable by root only, exists until the end and is empty at each boot. */
#define TIMES_DIRECTORY "run/nvme-async-shutdown"
#define TIMES_PATH TIMES_DIRECTORY "/times"

/* Replaces the file by a line "USEC ADDRESS SERIAL" for each controller whose rtd3e_usec is known.
 * Returns how many, or -errno. */
int times_write(int root_fd, const Topology *topology) _must_check_;

/* Sets rtd3e_usec of each controller that has the address and the serial number of a line.
 * Returns how many. On a -errno every rtd3e_usec is 0:
 *
 *   -ENOENT: there is no such file.
 *   -EPERM: it is not a regular file, not root's, or writable by others.
 *   -EFBIG: it is too large.
 *   -EBADMSG: a line is malformed. */
int times_read(int root_fd, Topology *topology) _must_check_;
