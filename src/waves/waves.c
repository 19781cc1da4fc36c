/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The executor; see waves.h. */

#include "waves/waves.h"

#include "waves/ready_queue.h"

/* One run. Every array is as long as the plan and allocated before the first step begins. */
typedef struct Waves {
        const Plan *plan;
        const ShutdownOps *ops;
        void *context;
        const WavesOptions *options;
        Record *record;
        Ready ready;
        bool *is_running;
        bool *has_begun; /* of a running step: its handshake is under way */
        size_t n_running;
        size_t n_detaching;   /* of n_running, those that detach */
        size_t n_begun;       /* of n_detaching, those that have begun */
        usec_t progress_usec; /* when to report progress next */
        usec_t flush_usec;    /* until when to wait for Flushes; USEC_INFINITY: not known yet */
} Waves;

#define PROGRESS_EVERY_USEC USEC_PER_SEC
/* The kernel's own pass sends no Flush, so one that hangs must not make the shutdown longer. */
#define FLUSH_GRACE_USEC USEC_PER_SEC

static void waves_done(Waves *waves) {
        ready_done(&waves->ready);
        free(waves->is_running);
        free(waves->has_begun);
}

#define _cleanup_waves_ _cleanup_(waves_done)

static bool opens_gates(const StepResult *result) {
        return result->outcome == OUTCOME_DETACHED || result->outcome == OUTCOME_UNVERIFIED ||
               (result->outcome == OUTCOME_VANISHED && result->is_gone);
}

static void end_step(Waves *waves, size_t i) {
        ready_end_step(&waves->ready, i, opens_gates(&waves->record->results[i]));
        if (waves->options->ended)
                waves->options->ended(waves->options->userdata, waves->record, i);
}

static bool is_worth_retrying(int error) {
        return error == -EAGAIN || error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

/* Returns 1: the step runs or has ended; 0: try again when another step has ended. */
static int start_step(Waves *waves, size_t i) {
        const Step *step = &waves->plan->steps[i];
        StepResult *result = &waves->record->results[i];
        int r;

        result->started_usec = waves->ops->now(waves->context);
        /* A Flush has waited for nothing. */
        if (step->action != STEP_LEAVE) {
                result->n_gates = step->n_gates;
                result->n_turns = step->n_turns;
                result->released_by = waves->ready.released_by[i];
        }
        if (step->action == STEP_PASS) {
                result->ended_usec = result->started_usec;
                result->outcome = OUTCOME_DETACHED;
                end_step(waves, i);
                return 1;
        }
        r = waves->ops->start(waves->context, i, step->action);
        if (r >= 0) {
                waves->is_running[i] = true;
                waves->n_running++;
                waves->n_detaching += step->action == STEP_DETACH;
                return 1;
        }
        if (is_worth_retrying(r) && waves->n_running > 0)
                return 0;
        result->ended_usec = result->started_usec;
        step_result_set(result, OUTCOME_LEFT, "could not be started: %s", strerror(-r));
        end_step(waves, i);
        return 1;
}

static void stop_running(Waves *waves, size_t i) {
        waves->is_running[i] = false;
        waves->n_running--;
        waves->n_detaching -= waves->plan->steps[i].action == STEP_DETACH;
        waves->n_begun -= waves->has_begun[i];
        waves->has_begun[i] = false;
}

static void begin_running(Waves *waves, size_t i) {
        if (!waves->is_running[i] || waves->has_begun[i])
                return;
        waves->has_begun[i] = true;
        waves->n_begun++;
}

/* A step that ends at once can make others ready, so each leaves the queue before it starts. The
 * limit counts handshakes only: a Flush that hangs would take the place of one. */
static void start_ready(Waves *waves) {
        unsigned max = waves->options->max_parallel;
        HeapEntry first;

        while (ready_first(&waves->ready, &first)) {
                if (max > 0 && waves->n_detaching >= max &&
                    waves->plan->steps[first.value].action == STEP_DETACH)
                        return;
                ready_pop(&waves->ready);
                if (start_step(waves, first.value) == 0) {
                        ready_restore(&waves->ready, first);
                        return;
                }
        }
}

/* A controller that stays keeps the plan's reason, followed by that of its Flush. */
static void take_result(const Step *step, StepResult *target, const StepResult *result) {
        target->outcome = result->outcome;
        target->is_verified = result->is_verified;
        target->is_flushed = result->is_flushed;
        target->is_taken = result->is_taken;
        target->is_gone = result->is_gone;
        target->ended_usec = result->ended_usec;
        target->contention_usec = result->contention_usec;
        memcpy(target->phase_usec, result->phase_usec, sizeof(target->phase_usec));
        if (*result->reason)
                step_result_set_reason(target, "%s", result->reason);
        if (step->action == STEP_LEAVE && target->outcome != OUTCOME_VANISHED) {
                target->outcome = OUTCOME_LEFT;
                if (*result->reason)
                        step_result_set_reason(target, "%.99s; %.98s", step->reason,
                                               result->reason);
                else
                        step_result_set_reason(target, "%s", step->reason);
        }
}

void waves_take_final_result(const Step *step, StepResult *target, const StepResult *result) {
        *target->reason = '\0';
        take_result(step, target, result);
}

/* Controllers that stay without a Flush get their outcome before any step starts. */
static void settle_untouched(Waves *waves) {
        for (size_t i = 0; i < waves->plan->n_steps; i++) {
                const Step *step = &waves->plan->steps[i];
                StepResult *result = &waves->record->results[i];

                if (step->action != STEP_LEAVE || step->flush)
                        continue;
                result->started_usec = result->ended_usec = waves->record->started_usec;
                step_result_set(result, step->is_under_way ? OUTCOME_BEGUN : OUTCOME_LEFT, "%s",
                                step->reason);
                end_step(waves, i);
        }
}

/* How long its handshake takes is not known yet. */
static void set_begun(StepResult *result) {
        result->phase_usec[PHASE_SHUTDOWN] = 0;
        step_result_set(result, OUTCOME_BEGUN, NULL);
}

static void set_late(const Step *step, const char *why, StepResult *result) {
        result->outcome = OUTCOME_LATE;
        if (step->action == STEP_LEAVE)
                step_result_set_reason(result, "its Flush did not end in time, ignoring");
        else if (!*result->reason)
                step_result_set_reason(result, "%s", why);
}

static void abandon_running(Waves *waves, const char *why) {
        for (size_t i = 0; i < waves->plan->n_steps; i++) {
                const Step *step = &waves->plan->steps[i];
                StepResult result = {};

                if (!waves->is_running[i])
                        continue;
                waves->ops->abandon(waves->context, i, &result);
                if (result.outcome == OUTCOME_PENDING) {
                        result.ended_usec = waves->ops->now(waves->context);
                        if (waves->has_begun[i])
                                set_begun(&result);
                        else
                                set_late(step, why, &result);
                }
                stop_running(waves, i);
                take_result(step, &waves->record->results[i], &result);
                end_step(waves, i);
        }
}

static void settle_rest(Waves *waves, const char *why) {
        for (size_t i = 0; i < waves->plan->n_steps; i++) {
                StepResult *result = &waves->record->results[i];
                const Step *step = &waves->plan->steps[i];

                if (result->outcome != OUTCOME_PENDING)
                        continue;
                result->outcome = OUTCOME_LEFT;
                result->ended_usec = waves->ops->now(waves->context);
                if (step->action == STEP_LEAVE)
                        step_result_set_reason(result, "%s", step->reason);
                else if (waves->ready.gates[i] > 0)
                        step_result_set_reason(result, "a device below it was not detached");
                else
                        step_result_set_reason(result, "not started: %s", why);
                if (waves->options->ended)
                        waves->options->ended(waves->options->userdata, waves->record, i);
        }
}

static int waves_init(Waves *waves) {
        waves->is_running = calloc(waves->plan->n_steps + 1, sizeof(bool));
        waves->has_begun = calloc(waves->plan->n_steps + 1, sizeof(bool));
        if (!waves->is_running || !waves->has_begun)
                return -ENOMEM;
        return ready_init(&waves->ready, waves->plan);
}

/* Bridges and controllers that are not touched do not count. */
static void report_progress(Waves *waves, usec_t now) {
        size_t n_done = 0, n_steps = 0;

        for (size_t i = 0; i < waves->plan->n_steps; i++) {
                const Step *step = &waves->plan->steps[i];

                if (step->action != STEP_DETACH && !(step->action == STEP_LEAVE && step->flush))
                        continue;
                n_steps++;
                n_done += waves->record->results[i].outcome != OUTCOME_PENDING;
        }
        waves->options->progress(waves->options->userdata, n_done, n_steps,
                                 now - waves->record->started_usec);
}

/* Whether a handshake is still to come: one that waits for a gate that may still open, for its turn,
 * or for the limit. */
static bool is_any_expected(const Waves *waves) {
        for (size_t i = 0; i < waves->plan->n_steps; i++)
                if (waves->plan->steps[i].action == STEP_DETACH && !waves->is_running[i] &&
                    !waves->ready.is_closed[i] &&
                    waves->record->results[i].outcome == OUTCOME_PENDING)
                        return true;
        return false;
}

/* Whether no handshake is left to wait for. */
static bool are_handshakes_settled(const Waves *waves) {
        if (!waves->options->overlap)
                return waves->n_detaching == 0;
        return waves->n_detaching == waves->n_begun && !is_any_expected(waves);
}

/* The Flushes' time runs from the moment when no handshake is left to wait for. A handshake that
 * starts later, because a gate has opened, stops it. */
static void limit_flushes(Waves *waves) {
        if (!are_handshakes_settled(waves))
                waves->flush_usec = USEC_INFINITY;
        else if (waves->flush_usec == USEC_INFINITY)
                waves->flush_usec = waves->ops->now(waves->context) + FLUSH_GRACE_USEC;
}

static usec_t limit_usec(const Waves *waves) {
        return waves->flush_usec < waves->options->deadline_usec ? waves->flush_usec
                                                                 : waves->options->deadline_usec;
}

/* Until when to wait for a step: the limit, or the next progress report if that comes first. */
static usec_t wait_until(const Waves *waves) {
        return waves->options->progress && waves->progress_usec < limit_usec(waves)
                       ? waves->progress_usec
                       : limit_usec(waves);
}

/* Runs steps until none is left or time is up. Returns why it stopped: the reason of every step
 * that has no outcome by then. */
static const char *run_until_settled(Waves *waves) {
        for (;;) {
                StepResult result = {};
                usec_t until;
                size_t step;
                int r;

                start_ready(waves);
                if (waves->n_running == 0)
                        return "nothing left to wait for";
                if (waves->n_running == waves->n_begun && are_handshakes_settled(waves))
                        return "all handshakes are under way";
                limit_flushes(waves);
                until = wait_until(waves);
                r = waves->ops->wait(waves->context, until, &step, &result);
                if (r == OPS_WAIT_TIMEOUT && until < limit_usec(waves)) {
                        usec_t now = waves->ops->now(waves->context);

                        report_progress(waves, now);
                        waves->progress_usec = now + PROGRESS_EVERY_USEC;
                        continue;
                }
                if (r == OPS_WAIT_TIMEOUT)
                        return "the stage ran out of time";
                if (r == OPS_WAIT_SIGNAL)
                        return "told to stop by a signal";
                if (r < 0)
                        return "waiting for the workers failed";
                if (r == OPS_WAIT_BEGUN) {
                        begin_running(waves, step);
                        continue;
                }
                if (!waves->is_running[step])
                        continue;
                stop_running(waves, step);
                take_result(&waves->plan->steps[step], &waves->record->results[step], &result);
                end_step(waves, step);
        }
}

int waves_run(const Plan *plan, const ShutdownOps *ops, void *context, const WavesOptions *options,
              Record *record) {
        _cleanup_waves_ Waves waves = {
                .plan = plan,
                .ops = ops,
                .context = context,
                .options = options,
                .record = record,
                .flush_usec = USEC_INFINITY,
        };
        const char *why;
        usec_t now;
        int r;

        r = waves_init(&waves);
        if (r < 0)
                return r;
        now = ops->now(context);
        if (record->started_usec == 0)
                record->started_usec = now;
        waves.progress_usec = now + PROGRESS_EVERY_USEC;
        settle_untouched(&waves);
        why = run_until_settled(&waves);
        abandon_running(&waves, why);
        settle_rest(&waves, why);
        record->ended_usec = ops->now(context);
        return 0;
}
