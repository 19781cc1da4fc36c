/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Overlap=: whether a stage may end while its handshakes still run. */
#pragma once

#include "config/config.h"

/* Never if an exitrd follows, even with Overlap=yes: a worker that lives on executes a file of the
 * root file system, which the exitrd could not unmount then. With Overlap=auto only if the kernel
 * keeps its log (pstore_log_judge()), for the workers' ends are nowhere else. */
bool may_overlap(int root_fd, const Config *config, Stage stage, Action action) _must_check_;
