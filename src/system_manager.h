/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks PID 1, over its private socket (no D-Bus daemon lives that late), where it is going. */
#pragma once

#include "config.h"

/* 1 when systemd has a pending job for systemd-<action>.service, the last unit of every way down; 0
 * when not; -errno when it can't be asked. Waits at most 5 s for each answer. */
int system_manager_has_job(Action action) _must_check_;

/* The action of which system_manager_has_job(); -ENOENT when there is none; or -errno. */
int system_manager_pending_action(Action *ret_action) _must_check_;
