/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one worker process does for one controller, from the last check to the verified shutdown. */
#pragma once

#include "plan.h"
#include "worker_slot.h"

/* STEP_DETACH, in this order, ending at the first that fails:
 *   the address still carries the same controller (name, serial), it is bound to nvme, it answers on
 * the bus, and it has as many virtual functions and namespaces as planned;
 *   the address is to be written to the driver's unbind through a descriptor of the worker's own,
 * opened here: one that is shared would serialise all writes (kernfs of->mutex);
 *   none of the namespaces was read or written since they were listed (Controller.n_ios);
 *   each namespace is the one that was planned for, and the kernel lets the worker claim it where no
 * other controller has it; the claims are held until the unbind has returned;
 *   fsync() of each namespace and partition: unbind drops dirty pages (nvme_ns_remove(), 6.1);
 *   nothing mounted leads to it (mount_guard.h): is_live, or where a head is shared with other
 * controllers, whose claim none of them can hold;
 *   the write to unbind, then verify_shutdown().
 * STEP_LEAVE: fsync() of each namespace, which is a Flush.
 * Blocks as long as the controller does. The outcome and its reason are in the slot. */
void worker_run(int root_fd, const Topology *topology, size_t device, StepAction action,
                bool is_live, WorkerSlot *slot);
