/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reasons for which this machine, at this moment, gets no run at all. */
#pragma once

#include "config/config.h"

/* The cheap ones, in the order of their cost; nothing of NVMe has been looked at yet. Returns 1 and
 * *ret_reason (malloc'ed) when nothing shall be done; 0 when there is no reason against it;
 * -ENOMEM. In order: Enabled=, Actions=, Stages=, an uncertain selection (config.h),
 * nvme_async_shutdown=0 on the kernel command line, container, a kernel that does it itself
 * (core.async_shutdown=Y), an fwupd activation that may run beside us (stage hook). action may be
 * _ACTION_INVALID, not known yet: then Actions= is left to stand_down_action(). */
int stand_down(int root_fd, const Config *config, Stage stage, Action action,
               char **ret_reason) _must_check_;

/* Actions= alone. */
int stand_down_action(const Config *config, Action action, char **ret_reason) _must_check_;

/* The same for a rehearsal on a live machine: an uncertain selection,
 * nvme_async_shutdown=0, container, an initrd, a machine that is shutting down or does not say
 * whether it is. No reasons are: Enabled=, Stages= and Actions=, for it is there to try before they
 * are set; core.async_shutdown=Y, for the figures are of interest there, too; fwupd, whose hook
 * does not run now. pending and action: what system_manager_pending_action() has returned; where
 * PID 1 is not systemd that is -ENOENT, and only its name is looked at. */
int stand_down_rehearsal(int root_fd, const Config *config, int pending, Action action,
                         char **ret_reason) _must_check_;

/* Is the machine really going down, as far as this stage can see? hook: PID 1 is systemd-shutdown;
 * exitrd: we are in an initrd's file system and PID 1 is its /shutdown. The unit asks systemd
 * (pending_action.h). Returns 1 or 0, or -errno when PID 1 does not say. */
int is_shutting_down(int root_fd, Stage stage) _must_check_;

/* Which way the machine goes down, by the command line of PID 1 (systemd-shutdown, or the /shutdown
 * that it has executed, has the verb among its first words), for a caller that does not say so.
 * _ACTION_INVALID when PID 1 does not say either. Whether PID 1 is one of those is for
 * is_shutting_down() to find out. */
Action shutting_down_action(int root_fd) _must_check_;
