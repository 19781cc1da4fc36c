/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one worker process does for one controller, from the first check to the last register. */
#pragma once

#include "plan/plan.h"
#include "waves/worker_slot.h"

/* Runs in the worker. Blocks as long as the controller does. The outcome and its reason are in the
 * slot.
 *
 * is_live: the machine is not going down (a rehearsal).
 *
 * STEP_DETACH takes the controller through these steps and stops at the first that fails:
 *
 * 1. The address still has the same controller (name, serial number), bound to nvme. It answers on
 *    the bus, and has as many virtual functions and namespaces as planned.
 *
 * 2. The driver's unbind is opened: if workers shared a descriptor, it would serialize their writes
 *    (kernfs of->mutex). Then the worker is held (WorkerSlot.hold_fd).
 *
 * 3. None of its namespaces was read or written since they were listed (Controller.n_sectors).
 *
 * 4. Each namespace is the planned one, and the worker claims it, unless another controller has it
 *    too. The claims are held until the unbind has returned.
 *
 * 5. fsync() of each namespace and partition: unbind drops dirty pages (nvme_ns_remove(), 6.1).
 *
 * 6. The serial number is still the same, and nothing mounted leads to the controller
 *    (mount_guard.h). The mounts are looked at if is_live, or if it shares a head with another
 *    controller, so that no worker can claim it.
 *
 * 7. Its multipath heads are told to go with their last path, where they would stay for a while
 *    (delayed_removal_secs). Not if is_live.
 *
 * 8. The address is written to unbind, and verify_shutdown() judges.
 *
 * STEP_LEAVE: fsync() of each namespace, which sends a Flush. */
void worker_run(int root_fd, const Topology *topology, size_t device, StepAction action,
                bool is_live, WorkerSlot *slot);
