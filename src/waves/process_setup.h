/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is set for the rest of this machine's life, once it is certain that it goes down. */
#pragma once

#include "model/topology.h"

/* Each setting that can't be made is logged and ignored:
 *   memory is locked as it is touched: what has been read in stays even if its file system goes;
 *   this process and its workers go before all others: in the unit stage udevd and its rules have
 * an event to process for everything that an unbind removes, in time that the drives then lack;
 *   RCU grace periods are expedited (/sys/kernel/rcu_expedited): an unbind waits for one before the
 * notification and for one after it, some 15 ms each at 250 Hz;
 *   nvme_core.admin_timeout is lowered to 5 s: a controller that answers no admin command holds its
 * unbind for that long, 60 s by default (nvme_delete_io_queues(), 6.1), and can't be killed there.
 * Up to 7.1 that takes effect at once and for every controller of the machine;
 *   from 7.2 on the driver reads the parameter only when it makes a controller, and each has an
 * admin_timeout of its own in sysfs, in ms: each controller of the topology gets 5000 there, those
 * that are left too, for the kernel's pass. Neither is put back.
 * Returns whether RCU grace periods are expedited that were not before. */
bool process_setup_apply(int root_fd, const Topology *topology);
