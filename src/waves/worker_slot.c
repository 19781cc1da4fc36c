/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Phases and their times; see worker_slot.h. */

#include "waves/worker_slot.h"

void worker_slot_init(WorkerSlot *slot) {
        *slot = (WorkerSlot){
                .phase = PHASE_FORK, .phase_started_usec = usec_now(), .begun_fd = -1, .hold_fd = -1
        };
        slot->result.started_usec = slot->phase_started_usec;
}

static void announce_begin(WorkerSlot *slot) {
        const uint64_t one = 1;

        slot->has_begun = true;
        /* Without it the parent sees has_begun at the next event or its deadline, ignoring. */
        if (slot->begun_fd >= 0 && write(slot->begun_fd, &one, sizeof(one)) < 0)
                return;
}

void worker_enter_phase(WorkerSlot *slot, Phase phase) {
        usec_t now = usec_now();

        if (slot->phase < _PHASE_MAX)
                slot->result.phase_usec[slot->phase] += now - slot->phase_started_usec;
        slot->phase = phase;
        slot->phase_started_usec = now;
        slot->result.ended_usec = now;
        if (phase == PHASE_SHUTDOWN)
                announce_begin(slot);
}
