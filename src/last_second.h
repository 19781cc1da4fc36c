/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is set for the rest of this machine's life, once it is certain that it goes down. */
#pragma once

#include "util.h"

/* Each setting that can't be made is logged and ignored:
 *   memory is locked as it is touched: what has been read in stays even if its file system goes;
 *   this process and its workers go before all others: in the unit stage udevd and its rules have
 * an event to process for everything that an unbind removes, in time that the drives then lack;
 *   RCU grace periods are expedited (/sys/kernel/rcu_expedited): an unbind waits for one before the
 * notification and for one after it, some 15 ms each at 250 Hz;
 *   nvme_core.admin_timeout is lowered to 5 s: a controller that answers no admin command holds its
 * unbind for that long, 60 s by default (nvme_delete_io_queues(), 6.1), and can't be killed there.
 * It takes effect at once and for every controller of the machine, and is not put back.
 * Returns whether RCU grace periods are expedited that were not before. */
bool last_second_settings(int root_fd);
