/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Overlap=: whether a stage may end while its handshakes still run. */
#pragma once

#include "config/config.h"

/* Never if an exitrd follows, even with Overlap=yes: a worker that lives on executes a file of the
 * root file system, which the exitrd could not unmount then. With Overlap=auto only if the kernel
 * keeps its log (pstore_log_judge()), for the workers' ends are nowhere else. */
bool may_overlap(int root_fd, const Config *config, Stage stage, Action action) _must_check_;

/* Replaces MinControllers=auto by the stage's number. For a single controller the kernel is as fast as a
 * stage, unless the rest of the shutdown runs beside the handshake: that is so in the unit, if it
 * overlaps. After hook and exitrd little is left to run, and most machines with one controller have
 * their root on it: there the look at it would be in vain.
 *   overlaps: what may_overlap() has returned. */
void settle_min_controllers(Config *config, Stage stage, bool overlaps);
