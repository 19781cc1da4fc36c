/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings for the rest of this boot, once the machine is certain to go down. */
#pragma once

#include "model/topology.h"

/* Makes these settings, none of which is ever restored. One that fails is logged and ignored.
 *
 *   memory         is locked as it is touched: pages that have been read in stay, even if their
 *                  file system goes.
 *   priority       of this process and its workers becomes the highest: in the unit stage udevd
 *                  handles an event for each device that an unbind removes, and would take
 *                  processors from the workers.
 *   RCU            grace periods are expedited (/sys/kernel/rcu_expedited): an unbind waits for one
 *                  before the shutdown notification and one after it, about 15 ms each at 250 Hz.
 *   admin_timeout  is lowered to 5 s: a controller that answers no admin command holds its unbind
 *                  for that long, 60 s by default (nvme_delete_io_queues(), 6.1), and the worker
 *                  can't be killed there. Up to 7.1 nvme_core.admin_timeout applies to every
 *                  controller at once. From 7.2 on the driver reads it only when it creates a
 *                  controller, and each controller has an attribute admin_timeout, in ms: it is
 *                  lowered for each controller of the topology, as the kernel's pass meets those
 *                  that are left.
 *
 * Returns whether RCU grace periods are expedited now and were not before. */
bool process_setup_apply(int root_fd, const Topology *topology);
