/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks PID 1, over its private socket (no D-Bus daemon lives that late), where it is going. */
#pragma once

#include "config/config.h"

/* systemd calls that socket unstable and internal (systemd(1)), and systemctl has used it for the
 * same reason up to 262. Should it go, Varlink's io.systemd.Job.List on
 * /run/systemd/io.systemd.Manager has the jobs of a unit, from 261 on.
 *
 * The action with a pending job for systemd-<action>.service, the last unit of every way down.
 * Returns 0; -ENOENT when there is none, or no systemd; -errno when it can't be asked. Waits at
 * most 5 s for each answer. */
int system_manager_pending_action(Action *ret_action) _must_check_;
