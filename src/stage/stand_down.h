/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reasons for which this machine, at this moment, gets no run at all. */
#pragma once

#include "config/config.h"

/* The cheap reasons, in the order of their cost, before anything of NVMe is looked at:
 *   Enabled=, Actions=, Stages=,
 *   an uncertain selection (Config.is_selection_uncertain),
 *   nvme_async_shutdown=0 on the kernel command line,
 *   a container,
 *   a kernel that shuts devices down concurrently itself (core.async_shutdown=Y),
 *   hook: an fwupd activation that may run at the same time.
 * Returns 1 and *ret_reason (malloc'ed) when the stage must do nothing; 0 when nothing is against it;
 * -ENOMEM. */
int stand_down(int root_fd, const Config *config, Stage stage, Action action,
               char **ret_reason) _must_check_;

/* The same for a rehearsal on a live machine: an uncertain selection,
 * nvme_async_shutdown=0, container, an initrd, a machine that is shutting down or does not say
 * whether it is. These are no reasons: Enabled=, Stages= and Actions=, as a rehearsal comes before
 * they are set; core.async_shutdown=Y, as its figures are of interest there, too; fwupd, whose hook
 * does not run now. pending and action: what system_manager_pending_action() has returned. Where
 * PID 1 is not systemd, pending is -ENOENT, and only PID 1's name is looked at. */
int stand_down_rehearsal(int root_fd, const Config *config, int pending, Action action,
                         char **ret_reason) _must_check_;

/* Whether the machine is really going down, as far as this stage can see:
 *   unit     systemd has started us as nvme-async-shutdown-ACTION.service, which refuses to be
 *            started by hand and is wanted by ACTION.target only,
 *   hook     PID 1 is systemd-shutdown,
 *   exitrd   we are in an initrd's file system and PID 1 is its /shutdown.
 * Returns 1 or 0, or -errno when /proc does not say. */
int is_shutting_down(int root_fd, Stage stage, Action action) _must_check_;

/* Which way the machine goes down, by the command line of PID 1 (systemd-shutdown, or the /shutdown
 * that it has executed, has the verb among its first words), for a caller that does not say so.
 * _ACTION_INVALID when PID 1 does not say either. Whether PID 1 is one of those is for
 * is_shutting_down() to find out. */
Action shutting_down_action(int root_fd) _must_check_;
