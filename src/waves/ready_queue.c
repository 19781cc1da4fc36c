/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gates, turns and the queue; see ready_queue.h. */

#include "waves/ready_queue.h"

static void queue_step(Ready *ready, size_t i) {
        const Step *step = &ready->plan->steps[i];

        heap_push(&ready->queue,
                  (HeapEntry){
                          .key = step->action == STEP_PASS ? 0 : USEC_INFINITY - step->chain_usec,
                          .order = ready->n_queued++,
                          .value = i,
                  });
}

static bool may_start(const Ready *ready, size_t i) {
        return ready->gates[i] == 0 && ready->turns[i] == 0 &&
               ready->plan->steps[i].action != STEP_LEAVE;
}

static void release_step(Ready *ready, size_t i, size_t by) {
        ready->released_by[i] = by;
        queue_step(ready, i);
}

static void close_step(Ready *ready, size_t i) {
        if (ready->is_closed[i])
                return;
        ready->is_closed[i] = true;
        ready->closing[ready->n_closing++] = i;
}

static void pass_turn(Ready *ready, size_t i) {
        if (ready->has_passed[i])
                return;
        ready->has_passed[i] = true;
        ready->passing[ready->n_passing++] = i;
}

static void close_above(Ready *ready, size_t i) {
        const Step *step = &ready->plan->steps[i];

        for (size_t o = 0; o < step->n_opens; o++)
                close_step(ready, step->opens[o]);
}

static void count_turn(Ready *ready, size_t i, size_t by) {
        if (--ready->turns[i] > 0)
                return;
        if (may_start(ready, i))
                release_step(ready, i, by);
        else if (ready->is_closed[i])
                pass_turn(ready, i);
}

/* Works through lists instead of recursing, so that the stack does not grow with the depth of the
 * tree. A step closes at most once and passes at most once, so neither list overflows. */
static void settle_waiting(Ready *ready) {
        while (ready->n_closing > 0 || ready->n_passing > 0) {
                size_t i;

                if (ready->n_closing > 0) {
                        i = ready->closing[--ready->n_closing];
                        close_above(ready, i);
                        if (ready->turns[i] == 0)
                                pass_turn(ready, i);
                        continue;
                }
                i = ready->passing[--ready->n_passing];
                if (ready->plan->steps[i].next != TOPOLOGY_NONE)
                        count_turn(ready, ready->plan->steps[i].next, i);
        }
}

void ready_end_step(Ready *ready, size_t i, bool has_succeeded) {
        const Step *step = &ready->plan->steps[i];

        if (!has_succeeded)
                close_above(ready, i);
        else
                for (size_t o = 0; o < step->n_opens; o++) {
                        ready->gates[step->opens[o]]--;
                        if (may_start(ready, step->opens[o]))
                                release_step(ready, step->opens[o], i);
                }
        pass_turn(ready, i);
        settle_waiting(ready);
}

bool ready_first(const Ready *ready, HeapEntry *ret_entry) {
        if (ready->queue.n_entries == 0)
                return false;
        *ret_entry = heap_first(&ready->queue);
        return true;
}

void ready_pop(Ready *ready) {
        (void) heap_pop(&ready->queue);
}

void ready_restore(Ready *ready, HeapEntry entry) {
        heap_push(&ready->queue, entry);
}

/* The Flush of a controller that stays has no gate and no turn: it is queued after the handshakes
 * that can start at once, and no other step waits for it. */
static void queue_first(Ready *ready) {
        const Plan *plan = ready->plan;

        for (size_t i = 0; i < plan->n_steps; i++)
                if (may_start(ready, i))
                        queue_step(ready, i);
        for (size_t i = 0; i < plan->n_steps; i++) {
                if (plan->steps[i].action != STEP_LEAVE)
                        continue;
                if (plan->steps[i].flush)
                        queue_step(ready, i);
                close_above(ready, i);
        }
        settle_waiting(ready);
}

void ready_done(Ready *ready) {
        free(ready->gates);
        free(ready->turns);
        free(ready->released_by);
        free(ready->is_closed);
        free(ready->has_passed);
        free(ready->closing);
        free(ready->passing);
        heap_done(&ready->queue);
}

int ready_init(Ready *ready, const Plan *plan) {
        size_t n = plan->n_steps + 1;

        *ready = (Ready){
                .plan = plan,
                .gates = calloc(n, sizeof(size_t)),
                .turns = calloc(n, sizeof(size_t)),
                .released_by = calloc(n, sizeof(size_t)),
                .is_closed = calloc(n, sizeof(bool)),
                .has_passed = calloc(n, sizeof(bool)),
                .closing = calloc(n, sizeof(size_t)),
                .passing = calloc(n, sizeof(size_t)),
        };
        if (!ready->gates || !ready->turns || !ready->released_by || !ready->is_closed ||
            !ready->has_passed || !ready->closing || !ready->passing ||
            heap_init(&ready->queue, n) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < plan->n_steps; i++) {
                ready->gates[i] = plan->steps[i].n_gates;
                ready->turns[i] = plan->steps[i].n_turns;
        }
        queue_first(ready);
        return 0;
}
