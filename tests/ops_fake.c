/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See ops_fake.h. */

#include "ops_fake.h"

#include <assert.h>

FakeWorld fake_world(size_t n_steps, usec_t latency_usec) {
        FakeWorld world = {
                .now = USEC_PER_SEC,
                .signal_usec = FAKE_NEVER,
                .steps = calloc(n_steps + 1, sizeof(FakeStep)),
                .n_steps = n_steps,
        };

        assert(world.steps);
        for (size_t i = 0; i < n_steps; i++)
                world.steps[i].latency_usec = latency_usec;
        return world;
}

void fake_world_done(FakeWorld *world) {
        free(world->steps);
}

static usec_t fake_now(void *context) {
        return ((FakeWorld *) context)->now;
}

static int fake_start(void *context, size_t i, StepAction action) {
        FakeWorld *world = context;
        FakeStep *step = &world->steps[i];

        assert(action != STEP_PASS);
        if (step->start_failures > 0) {
                step->start_failures--;
                return step->start_error;
        }
        assert(!step->is_running);
        step->n_starts++;
        step->is_running = true;
        step->started_usec = world->now;
        if (step->outcome == OUTCOME_PENDING)
                step->outcome = action == STEP_DETACH ? OUTCOME_DETACHED : OUTCOME_LEFT;
        if (++world->n_running > world->max_running)
                world->max_running = world->n_running;
        return 0;
}

static usec_t end_of(const FakeStep *step) {
        return step->latency_usec == FAKE_NEVER ? FAKE_NEVER
                                                : step->started_usec + step->latency_usec;
}

static int fake_wait(void *context, usec_t deadline, size_t *ret_step, StepResult *ret_result) {
        FakeWorld *world = context;
        size_t next = SIZE_MAX;
        FakeStep *step;

        for (size_t i = 0; i < world->n_steps; i++)
                if (world->steps[i].is_running &&
                    (next == SIZE_MAX || end_of(&world->steps[i]) < end_of(&world->steps[next])))
                        next = i;
        if (world->signal_usec <= deadline &&
            (next == SIZE_MAX || end_of(&world->steps[next]) > world->signal_usec)) {
                world->now = world->signal_usec;
                return OPS_WAIT_SIGNAL;
        }
        if (next == SIZE_MAX || end_of(&world->steps[next]) > deadline) {
                assert(deadline != USEC_INFINITY);
                world->now = deadline;
                return OPS_WAIT_TIMEOUT;
        }
        step = &world->steps[next];
        world->now = step->ended_usec = end_of(step);
        step->is_running = false;
        world->n_running--;
        *ret_step = next;
        *ret_result = (StepResult){
                .outcome = step->outcome,
                .started_usec = step->started_usec,
                .ended_usec = step->ended_usec,
                .phase_usec[PHASE_SHUTDOWN] = step->latency_usec,
        };
        return OPS_WAIT_DONE;
}

static void fake_abandon(void *context, size_t i, StepResult *ret_result) {
        FakeWorld *world = context;
        FakeStep *step = &world->steps[i];

        assert(step->is_running);
        step->is_running = false;
        step->is_abandoned = true;
        world->n_running--;
        *ret_result = (StepResult){ .started_usec = step->started_usec };
}

const ShutdownOps ops_fake = {
        .now = fake_now,
        .start = fake_start,
        .wait = fake_wait,
        .abandon = fake_abandon,
};
