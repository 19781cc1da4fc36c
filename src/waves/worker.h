/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one worker process does for one controller, from the last check to the verified shutdown. */
#pragma once

#include "plan/plan.h"
#include "waves/worker_slot.h"

/* STEP_DETACH: takes the controller through these steps, and ends at the first that fails.
 *
 * 1. The address still carries the same controller (name, serial), bound to nvme; it answers on the
 *    bus, and has as many virtual functions and namespaces as planned.
 *
 * 2. The driver's unbind is opened: a descriptor that workers share would serialise all writes
 *    (kernfs of->mutex). Then the worker is held (WorkerSlot.hold_fd).
 *
 * 3. None of its namespaces was read or written since they were listed (Controller.n_sectors).
 *
 * 4. Each namespace is the one that was planned for, and the kernel lets the worker claim it where
 *    no other controller has it. The claims are held until the unbind has returned.
 *
 * 5. fsync() of each namespace and partition: unbind drops dirty pages (nvme_ns_remove(), 6.1).
 *
 * 6. Nothing mounted leads to it (mount_guard.h): asked where is_live, or where a head is shared
 *    with other controllers, so that no worker can claim it.
 *
 * 7. Its multipath heads are told to go with their last path, where they would stay for a while
 *    (delayed_removal_secs); not where is_live.
 *
 * 8. The address is written to unbind, and verify_shutdown() judges.
 *
 * STEP_LEAVE: fsync() of each namespace, which is a Flush. Blocks as long as the controller does.
 * The outcome and its reason are in the slot. */
void worker_run(int root_fd, const Topology *topology, size_t device, StepAction action,
                bool is_live, WorkerSlot *slot);
