/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records a machine in a directory, so that the readers see it on any other machine. */
#pragma once

#include "base/lines.h"
#include "model/topology.h"

/* Copies what the readers of config, tree and inuse read below root_fd into the empty directory
 * to_fd:
 *   - attributes, tables, configuration files and the links that lead to them, at their paths;
 *   - a device node as recorded.h has it, with the answers in the topology, which survey() and
 *     rtd3e_read() have filled, and with those of loop devices;
 *   - a process that has a device open, as far as the topology tells: its name and that device;
 *   - what can't be read as a link to itself: it can't be read there either.
 * has_claims: the topology's uses include claims (UsageOptions.claim).
 * Adds to unknown what could not be read, and writes these lines to RECORDED_UNKNOWN.
 * 0 or -errno. */
int snapshot_write(int root_fd, const Topology *topology, bool has_claims, Lines *unknown,
                   int to_fd) _must_check_;
