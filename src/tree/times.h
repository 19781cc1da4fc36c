/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long each controller's shutdown is going to take, kept from the boot to the shutdown: what
 * the journal knows takes too long to be asked for in the last second, and asks for a journal. For
 * the order of what MaxParallel= lets begin, for nothing else. */
#pragma once

#include "model/topology.h"

/* In /run: nobody but root writes there, it is there until the end, and it is made anew at each
 * boot. Below the root. */
#define TIMES_DIRECTORY "run/nvme-async-shutdown"
#define TIMES_PATH TIMES_DIRECTORY "/times"

/* Writes a line "USEC ADDRESS SERIAL" for each controller of which measured_usec or else rtd3e_usec
 * is known, in the file's place as a whole. Returns how many, or -errno. */
int times_write(int root_fd, const Topology *topology) _must_check_;

/* Sets measured_usec of each controller that has the address and the serial number of a line.
 * Returns how many, or -errno: -ENOENT without such a file; -EPERM for one that is no plain file,
 * not root's or open to others for writing; -EFBIG; -EBADMSG where a line is none of ours. No
 * controller has a measured_usec then. */
int times_read(int root_fd, Topology *topology) _must_check_;
