/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One stage of a shutdown: configuration, survey, waves, record. */
#pragma once

#include "model/result.h"

/* Runs a stage on this machine and logs what it does: hook and exitrd to the kernel log, the unit to
 * the journal where systemd has connected it, else to standard error. Blocks for TimeoutSec= and a
 * few seconds at most.
 *   word    the action as the caller names it; "" asks PID 1 (hook and exitrd),
 *   argv0   the process's argv[0], which a worker overwrites with its own name.
 * Returns the exit status: EXIT_FAILURE only in the unit, when the stage could not be run. */
int stage_run(Stage stage, const char *word, char *argv0) _must_check_;
