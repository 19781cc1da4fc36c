/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The executor; see waves.h. */

#include "waves.h"

/* One run. Every list is as long as the plan and allocated before the first step begins. */
typedef struct Waves {
        const Plan *plan;
        const ShutdownOps *ops;
        void *context;
        const WavesOptions *options;
        Record *record;
        size_t *gates; /* what is left of Step.n_gates */
        size_t *ready; /* queue of steps whose gates are open */
        size_t ready_head;
        size_t ready_tail;
        bool *is_running;
        size_t n_running;
        usec_t progress_usec; /* when to tell how far it is */
} Waves;

#define PROGRESS_EVERY_USEC USEC_PER_SEC

static void waves_done(Waves *waves) {
        free(waves->gates);
        free(waves->ready);
        free(waves->is_running);
}

static void set_reason(StepResult *result, const char *format, const char *detail) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void) snprintf(result->reason, sizeof(result->reason), format, detail);
#pragma GCC diagnostic pop
}

static bool opens_gates(Outcome outcome) {
        return outcome == OUTCOME_DETACHED || outcome == OUTCOME_UNVERIFIED ||
               outcome == OUTCOME_VANISHED;
}

static void make_ready(Waves *waves, size_t step) {
        waves->ready[waves->ready_tail++] = step;
}

/* Only those whose count reaches 0 are woken. Each step is queued at most once, so the queue never
 * wraps. */
static void end_step(Waves *waves, size_t i) {
        const Step *step = &waves->plan->steps[i];
        StepResult *result = &waves->record->results[i];

        if (opens_gates(result->outcome))
                for (size_t o = 0; o < step->n_opens; o++)
                        if (--waves->gates[step->opens[o]] == 0 &&
                            waves->plan->steps[step->opens[o]].action != STEP_LEAVE)
                                make_ready(waves, step->opens[o]);
        if (waves->options->ended)
                waves->options->ended(waves->options->userdata, waves->record, i);
}

static bool is_worth_retrying(int error) {
        return error == -EAGAIN || error == -ENOMEM || error == -EMFILE || error == -ENFILE;
}

/* 1: it is on its way or has ended; 0: has to wait until another step has ended. */
static int start_step(Waves *waves, size_t i) {
        const Step *step = &waves->plan->steps[i];
        StepResult *result = &waves->record->results[i];
        int r;

        result->started_usec = waves->ops->now(waves->context);
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
                return 1;
        }
        if (is_worth_retrying(r) && waves->n_running > 0)
                return 0;
        result->ended_usec = result->started_usec;
        result->outcome = OUTCOME_LEFT;
        set_reason(result, "could not be started: %s", strerror(-r));
        end_step(waves, i);
        return 1;
}

static void start_ready(Waves *waves) {
        unsigned max = waves->options->max_parallel;

        while (waves->ready_head < waves->ready_tail) {
                if (max > 0 && waves->n_running >= max)
                        return;
                if (start_step(waves, waves->ready[waves->ready_head]) == 0)
                        return;
                waves->ready_head++;
        }
}

/* What stays needs no gate and opens none: its Flush goes out beside the rest, after whatever has a
 * handshake to wait for. */
static void queue_first(Waves *waves) {
        for (size_t i = 0; i < waves->plan->n_steps; i++)
                if (waves->plan->steps[i].action != STEP_LEAVE && waves->gates[i] == 0)
                        make_ready(waves, i);
        for (size_t i = 0; i < waves->plan->n_steps; i++)
                if (waves->plan->steps[i].action == STEP_LEAVE && waves->plan->steps[i].flush)
                        make_ready(waves, i);
}

/* A step that stays keeps the plan's reason; what its Flush says comes behind it. */
static void take_result(Waves *waves, size_t i, const StepResult *result) {
        const Step *step = &waves->plan->steps[i];
        StepResult *target = &waves->record->results[i];
        usec_t started = target->started_usec;

        *target = *result;
        target->started_usec = started;
        if (step->action == STEP_LEAVE && target->outcome != OUTCOME_VANISHED) {
                target->outcome = OUTCOME_LEFT;
                if (*result->reason)
                        (void) snprintf(target->reason, sizeof(target->reason), "%.99s; %.98s",
                                        step->reason, result->reason);
                else
                        set_reason(target, "%s", step->reason);
        }
}

/* Those that stay without a Flush have their outcome before anything begins. */
static void settle_untouched(Waves *waves) {
        for (size_t i = 0; i < waves->plan->n_steps; i++) {
                const Step *step = &waves->plan->steps[i];
                StepResult *result = &waves->record->results[i];

                if (step->action != STEP_LEAVE || step->flush)
                        continue;
                result->started_usec = result->ended_usec = waves->record->started_usec;
                result->outcome = OUTCOME_LEFT;
                set_reason(result, "%s", step->reason);
                end_step(waves, i);
        }
}

static void abandon_running(Waves *waves, const char *why) {
        for (size_t i = 0; i < waves->plan->n_steps; i++) {
                StepResult result = {};

                if (!waves->is_running[i])
                        continue;
                waves->ops->abandon(waves->context, i, &result);
                result.ended_usec = waves->ops->now(waves->context);
                result.outcome = OUTCOME_LATE;
                if (!*result.reason)
                        set_reason(&result, "%s", why);
                waves->is_running[i] = false;
                waves->n_running--;
                take_result(waves, i, &result);
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
                        set_reason(result, "%s", step->reason);
                else if (waves->gates[i] > 0)
                        set_reason(result, "%s", "waits for a device below it that stays");
                else
                        set_reason(result, "not begun: %s", why);
                if (waves->options->ended)
                        waves->options->ended(waves->options->userdata, waves->record, i);
        }
}

static int waves_init(Waves *waves) {
        size_t n = waves->plan->n_steps;

        waves->gates = calloc(n + 1, sizeof(size_t));
        waves->ready = calloc(n + 1, sizeof(size_t));
        waves->is_running = calloc(n + 1, sizeof(bool));
        if (!waves->gates || !waves->ready || !waves->is_running)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                waves->gates[i] = waves->plan->steps[i].n_gates;
        return 0;
}

/* Bridges and what is not touched at all are nobody's progress. */
static void tell_progress(Waves *waves, usec_t now) {
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

/* How long to wait for a step: the deadline, or the next moment to tell something. */
static usec_t wait_until(const Waves *waves) {
        const WavesOptions *options = waves->options;

        return options->progress && waves->progress_usec < options->deadline_usec
                       ? waves->progress_usec
                       : options->deadline_usec;
}

/* Until nothing runs, or why not: the text is the reason for what is cut off. */
static const char *run_until_settled(Waves *waves) {
        for (;;) {
                StepResult result = {};
                usec_t until = wait_until(waves);
                size_t step;
                int r;

                start_ready(waves);
                if (waves->n_running == 0)
                        return "nothing left to wait for";
                r = waves->ops->wait(waves->context, until, &step, &result);
                if (r == OPS_WAIT_TIMEOUT && until < waves->options->deadline_usec) {
                        usec_t now = waves->ops->now(waves->context);

                        tell_progress(waves, now);
                        waves->progress_usec = now + PROGRESS_EVERY_USEC;
                        continue;
                }
                if (r == OPS_WAIT_TIMEOUT)
                        return "the stage's time was up";
                if (r == OPS_WAIT_SIGNAL)
                        return "we were told to stop";
                if (r < 0)
                        return "waiting for the workers failed";
                if (!waves->is_running[step])
                        continue;
                waves->is_running[step] = false;
                waves->n_running--;
                take_result(waves, step, &result);
                end_step(waves, step);
        }
}

int waves_run(const Plan *plan, const ShutdownOps *ops, void *context, const WavesOptions *options,
              Record *record) {
        Waves waves = {
                .plan = plan,
                .ops = ops,
                .context = context,
                .options = options,
                .record = record,
        };
        const char *why;
        int r;

        r = waves_init(&waves);
        if (r >= 0) {
                record->started_usec = ops->now(context);
                waves.progress_usec = record->started_usec + PROGRESS_EVERY_USEC;
                settle_untouched(&waves);
                queue_first(&waves);
                why = run_until_settled(&waves);
                abandon_running(&waves, why);
                settle_rest(&waves, why);
                record->ended_usec = ops->now(context);
        }
        waves_done(&waves);
        return r;
}
