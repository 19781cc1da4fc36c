/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks PID 1 where the machine is going. */
#pragma once

#include "config/config.h"

/* Finds the action with a pending job for systemd-<action>.service, the last unit of every way down.
 *
 * As systemctl does for root, it uses PID 1's private socket: the D-Bus daemon is stopped early in a
 * shutdown, and some machines have none. systemd calls that socket unstable and internal (systemd(1)).
 * Where it is missing, the system bus is asked. Should both go, Varlink's io.systemd.Job.List on
 * /run/systemd/io.systemd.Manager has the jobs of a unit, from 261 on.
 *
 * Returns 0; -ENOENT if there is no such job, or PID 1 is not systemd; -errno if it can't be asked
 * (-ENOTCONN: it has no socket). Waits at most 5 s for each answer. */
int system_manager_pending_action(Action *ret_action) _must_check_;
