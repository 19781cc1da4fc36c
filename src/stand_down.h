/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reasons for which this machine, at this moment, gets no run at all. */
#pragma once

#include "config.h"

/* The cheap ones, in the order of their cost; nothing of NVMe has been looked at yet. Returns 1 and
 * *ret_reason (malloc'ed) when nothing shall be done; 0 when there is no reason against it;
 * -ENOMEM. In order: Enabled=, Actions=, Stages=, a selection that could not be read,
 * nvme_async_shutdown=0 on the kernel command line, container, a kernel that does it itself
 * (core.async_shutdown=Y), an fwupd activation that may run beside us (stage hook). */
int stand_down(int root_fd, const Config *config, Stage stage, Action action,
               char **ret_reason) _must_check_;

/* The same for a rehearsal on a live machine: a selection that could not be read,
 * nvme_async_shutdown=0, container, an initrd, a machine that is shutting down or does not say
 * whether it is. No reasons are: Enabled=, Stages= and Actions=, for it is there to try before they
 * are set; core.async_shutdown=Y, for the figures are of interest there, too; fwupd, whose hook
 * does not run now. Where PID 1 is not systemd only its name is looked at. */
int stand_down_rehearsal(int root_fd, const Config *config, char **ret_reason) _must_check_;

/* Is the machine really going down, as far as this stage can see? unit: PID 1 has a job that ends
 * in action; hook: PID 1 is systemd-shutdown; exitrd: we are in an initrd's file system and PID 1
 * is its /shutdown. Returns 1 or 0, or -errno when PID 1 does not say. */
int is_shutting_down(int root_fd, Stage stage, Action action) _must_check_;
