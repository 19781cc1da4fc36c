/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records a machine in a directory, so that the readers see it on any other machine. */
#pragma once

#include "base/lines.h"
#include "model/topology.h"

/* Copies the files that the readers of config, tree, inuse and label read below root_fd into the empty
 * directory to_fd:
 *   - attributes, tables, configuration files, and the links that lead to them, at their paths;
 *   - a device node as a plain file (recorded.h), with the answers in the topology, which survey()
 *     and rtd3e_read() have filled, the answers of loop devices and what udev found (content.h);
 *   - each process that has a device open according to the topology: its name and that device;
 *   - an unreadable file or directory as a link to itself, which is unreadable too.
 * has_claims: the topology's uses include claims (UsageOptions.claim).
 * Adds a line to unknown for each unreadable file, and writes all lines to RECORDED_UNKNOWN.
 * Returns 0 or -errno. */
int snapshot_write(int root_fd, const Topology *topology, bool has_claims, Lines *unknown,
                   int to_fd) _must_check_;
