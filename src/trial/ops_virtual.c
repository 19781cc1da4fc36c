/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See ops_virtual.h. */

#include "trial/ops_virtual.h"

#include <assert.h>

int virtual_world_init(VirtualWorld *world, size_t n_steps, usec_t latency_usec) {
        *world = (VirtualWorld){
                .now = USEC_PER_SEC,
                .signal_usec = VIRTUAL_NEVER,
                .steps = calloc(n_steps + 1, sizeof(VirtualStep)),
                .n_steps = n_steps,
        };
        if (!world->steps || heap_init(&world->ends, n_steps) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < n_steps; i++)
                world->steps[i].latency_usec = latency_usec;
        return 0;
}

void virtual_world_done(VirtualWorld *world) {
        heap_done(&world->ends);
        free(world->steps);
        world->steps = NULL;
}

static usec_t virtual_now(void *context) {
        return ((VirtualWorld *) context)->now;
}

static int virtual_start(void *context, size_t i, StepAction action) {
        VirtualWorld *world = context;
        VirtualStep *step = &world->steps[i];

        assert(action != STEP_PASS);
        if (step->start_failures > 0) {
                step->start_failures--;
                return step->start_error;
        }
        assert(!step->is_running);
        step->n_starts++;
        step->is_running = true;
        step->has_begun = false;
        world->reports_begin = world->reports_begin || step->begin_usec > 0;
        step->started_usec = world->now;
        if (step->outcome == OUTCOME_PENDING)
                step->outcome = action == STEP_DETACH ? OUTCOME_DETACHED : OUTCOME_LEFT;
        if (step->latency_usec != VIRTUAL_NEVER)
                heap_push(&world->ends, (HeapEntry){
                                                .key = world->now + step->latency_usec,
                                                .order = i,
                                                .value = i,
                                        });
        if (++world->n_running > world->max_running)
                world->max_running = world->n_running;
        return 0;
}

/* Returns the running step that begins next and before the time until, or NULL. */
static VirtualStep *find_next_begin(VirtualWorld *world, usec_t until) {
        VirtualStep *first = NULL;

        for (size_t i = 0; world->reports_begin && i < world->n_steps; i++) {
                VirtualStep *step = &world->steps[i];
                usec_t begin = step->started_usec + step->begin_usec;

                if (step->is_running && step->begin_usec > 0 && !step->has_begun && begin < until &&
                    (!first || begin < first->started_usec + first->begin_usec))
                        first = step;
        }
        return first;
}

static int virtual_wait(void *context, usec_t deadline, size_t *ret_step, StepResult *ret_result) {
        VirtualWorld *world = context;
        usec_t next = world->ends.n_entries > 0 ? heap_first(&world->ends).key : VIRTUAL_NEVER;
        VirtualStep *step;
        size_t i;

        step = find_next_begin(world, next < deadline ? next : deadline);
        if (step && step->started_usec + step->begin_usec < world->signal_usec) {
                world->now = step->started_usec + step->begin_usec;
                step->has_begun = true;
                *ret_step = (size_t) (step - world->steps);
                return OPS_WAIT_BEGUN;
        }
        if (world->signal_usec <= deadline && world->signal_usec < next) {
                world->now = world->signal_usec;
                return OPS_WAIT_SIGNAL;
        }
        if (next == VIRTUAL_NEVER || next > deadline) {
                assert(deadline != USEC_INFINITY);
                world->now = deadline;
                return OPS_WAIT_TIMEOUT;
        }
        i = heap_pop(&world->ends).value;
        step = &world->steps[i];
        world->now = step->ended_usec = next;
        step->is_running = false;
        world->n_running--;
        *ret_step = i;
        *ret_result = (StepResult){
                .outcome = step->outcome,
                .is_gone = step->is_gone,
                .is_verified = step->outcome == OUTCOME_DETACHED,
                .started_usec = step->started_usec,
                .ended_usec = step->ended_usec,
                .phase_usec[PHASE_SHUTDOWN] = step->latency_usec,
        };
        return OPS_WAIT_DONE;
}

/* The end of the step stays in the heap: the executor does not wait again after an abandon. */
static void virtual_abandon(void *context, size_t i, StepResult *ret_result) {
        VirtualWorld *world = context;
        VirtualStep *step = &world->steps[i];

        assert(step->is_running);
        step->is_running = false;
        step->is_abandoned = true;
        world->n_running--;
        *ret_result = (StepResult){ .outcome = step->abandoned_outcome,
                                    .started_usec = step->started_usec };
}

const ShutdownOps ops_virtual = {
        .now = virtual_now,
        .start = virtual_start,
        .wait = virtual_wait,
        .abandon = virtual_abandon,
};
