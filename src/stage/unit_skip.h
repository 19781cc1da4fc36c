/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps PID 1 from starting a stage unit that would do nothing: even then a start takes time. At boot
 * "import" writes a file to /run for each unit that has nothing to do, and PID 1 checks for that file by
 * the unit's conditions. If the configuration changes later, only the stage unit is lost: the hook reads
 * the configuration itself. */
#pragma once

#include "base/lines.h"
#include "config/config.h"
#include "tree/times.h"

/* Below the root, followed by the name of an action: its unit has nothing to do. */
#define UNIT_SKIP_PREFIX TIMES_DIRECTORY "/skip-unit-"
/* The same, unless a controller has appeared since. */
#define UNIT_TOO_FEW_PREFIX TIMES_DIRECTORY "/too-few-"
/* A link to the directory in sysfs that the next new controller gets (nvme_instance_ida, 6.1). */
#define UNIT_NEW_CONTROLLER TIMES_DIRECTORY "/new-controller"

/* Writes and removes these files below root_fd. A unit has nothing to do if stand_down() says so; or if
 * fewer than MinControllers= remain besides those that hold / and /usr, and those that the configuration
 * does not select. Adds "ACTION...: REASON" to *reasons, a line for each reason. Returns the number of
 * actions that skip their unit, or -errno. */
int unit_skip_write(int root_fd, const Config *config, Lines *reasons) _must_check_;

/* Whether the unit will be skipped although it has work by now. Returns 1 and the reason in the file,
 * which the caller frees; 0; or -errno. */
int unit_skip_is_outdated(int root_fd, const Config *config, Action action,
                          char **ret_reason) _must_check_;
