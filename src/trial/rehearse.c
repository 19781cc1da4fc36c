/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See rehearse.h. */

#include "trial/rehearse.h"

#include <signal.h>

#include "base/log.h"
#include "trial/uevents.h"
#include "waves/ops_kernel.h"
#include "waves/waves.h"

/* A drive may need 60 s to delete its queues (admin_timeout) and as much for its handshake. */
#define JOIN_USEC (120 * USEC_PER_SEC)
/* A drive may take 127 s to become ready (CAP.TO); few take more than 30. */
#define REBIND_USEC (60 * USEC_PER_SEC)
#define SETTLE_USEC (30 * USEC_PER_SEC)

typedef struct Stagehand {
        const Topology *topology;
        OpsKernel *ops;
        Rebind *rebind;
        Rehearsal *rehearsal;
        bool *wanted; /* for each device: whether the next rebind_run() binds it */
} Stagehand;

void rehearsal_done(Rehearsal *rehearsal) {
        record_done(&rehearsal->record);
        free(rehearsal->rebinds);
        *rehearsal = REHEARSAL_INIT;
}

bool rehearsal_is_good(const Rehearsal *rehearsal) {
        for (size_t i = 0; i < rehearsal->record.n_results; i++) {
                Outcome outcome = rehearsal->record.results[i].outcome;
                RebindOutcome rebind = rehearsal->rebinds[i].outcome;

                if (outcome == OUTCOME_LATE || outcome == OUTCOME_FAILED ||
                    outcome == OUTCOME_VANISHED || (rebind != REBIND_NONE && rebind != REBIND_DONE))
                        return false;
        }
        return !rehearsal->is_interrupted;
}

/* A closed terminal or an impatient user must not leave drives unbound. */
static void ignore_signals(void) {
        const int ignored[] = { SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE };

        for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
                (void) signal(ignored[i], SIG_IGN);
}

static bool is_late(const Stagehand *hand, size_t i) {
        return hand->topology->devices[i].controller &&
               hand->rehearsal->record.results[i].outcome == OUTCOME_LATE;
}

/* Binds the controllers whose worker has exited. */
static void bind_ended(Stagehand *hand) {
        Rehearsal *rehearsal = hand->rehearsal;

        for (size_t i = 0; i < rehearsal->record.n_results; i++)
                hand->wanted[i] = !is_late(hand, i) && rehearsal->record.results[i].is_taken;
        rebind_run(hand->rebind, hand->wanted, REBIND_USEC, rehearsal->rebinds);
}

/* Waits for a late worker. The outcome stays OUTCOME_LATE, as a shutdown would have recorded it. */
static void join_late(Stagehand *hand, size_t i, usec_t deadline) {
        StepResult *target = &hand->rehearsal->record.results[i], result;
        int r;

        r = ops_kernel_join(hand->ops, i, deadline, &result);
        if (r <= 0) {
                rebind_set_held(&hand->topology->devices[i], &hand->rehearsal->rebinds[i]);
                return;
        }
        hand->wanted[i] = target->is_taken = result.is_taken;
        memcpy(target->phase_usec, result.phase_usec, sizeof(target->phase_usec));
}

static void bind_late(Stagehand *hand) {
        size_t n = hand->rehearsal->record.n_results, n_late = 0;
        usec_t deadline = usec_now() + JOIN_USEC;

        for (size_t i = 0; i < n; i++)
                n_late += is_late(hand, i);
        if (n_late == 0)
                return;
        log_notice("%zu controllers are late: waiting at most %u s to bind them again.", n_late,
                   (unsigned) (JOIN_USEC / USEC_PER_SEC));
        for (size_t i = 0; i < n; i++) {
                hand->wanted[i] = false;
                if (is_late(hand, i))
                        join_late(hand, i, deadline);
        }
        rebind_run(hand->rebind, hand->wanted, REBIND_USEC, hand->rehearsal->rebinds);
}

static void bind_again(int root_fd, Stagehand *hand) {
        usec_t started = usec_now();
        int r;

        if (hand->rehearsal->is_interrupted)
                log_notice("Interrupted: binding only the unbound controllers again.");
        bind_ended(hand);
        bind_late(hand);
        hand->rehearsal->rebind_usec = usec_now() - started;
        r = uevents_settle(root_fd, usec_now() + SETTLE_USEC);
        if (r <= 0)
                log_warning("udevd has not processed all devices yet, ignoring%s%s.",
                            r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
}

/* The record needs a stage and an action; neither is logged. */
static int prepare_stagehand(int root_fd, const Topology *topology, char *argv0, Stagehand *hand) {
        const OpsKernelOptions options = { .is_live = true, .argv0 = argv0 };
        size_t n = topology->n_devices;
        int r;

        hand->wanted = calloc(n + 1, sizeof(bool));
        hand->rehearsal->rebinds = calloc(n + 1, sizeof(RebindResult));
        if (!hand->wanted || !hand->rehearsal->rebinds)
                return -ENOMEM;
        r = record_init(&hand->rehearsal->record, STAGE_UNIT, ACTION_REBOOT, n);
        if (r < 0)
                return r;
        r = rebind_new(root_fd, topology, &hand->rebind);
        if (r < 0)
                return r;
        return ops_kernel_new(root_fd, topology, &options, &hand->ops);
}

static void stagehand_done(Stagehand *hand) {
        ops_kernel_free(hand->ops);
        rebind_free(hand->rebind);
        free(hand->wanted);
}

int rehearsal_run(int root_fd, const Topology *topology, const Plan *plan, const Config *config,
                  char *argv0, Rehearsal *ret) {
        _cleanup_(rehearsal_done) Rehearsal rehearsal = REHEARSAL_INIT;
        _cleanup_(stagehand_done)
                Stagehand hand = { .topology = topology, .rehearsal = &rehearsal };
        WavesOptions options = { .max_parallel = config->max_parallel };
        int r;

        r = prepare_stagehand(root_fd, topology, argv0, &hand);
        if (r < 0)
                return r;
        ignore_signals();
        options.deadline_usec = usec_now() + config->timeout_usec;
        r = waves_run(plan, &ops_kernel, hand.ops, &options, &rehearsal.record);
        if (r < 0)
                return r;
        rehearsal.is_interrupted = ops_kernel_is_told_to_stop(hand.ops);
        bind_again(root_fd, &hand);
        *ret = TAKE(rehearsal, REHEARSAL_INIT);
        return 0;
}
