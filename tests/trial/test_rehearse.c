/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine and its processes are real; what a worker does and what binds are ours. Nothing
 * asserts in a worker: Criterion would wait for it forever. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/pidfd.h"
#include "base/poll_until.h"
#include "fake_root.h"
#include "topology_builder.h"
#include "trial/rehearse.h"
#include "trial/uevents.h"
#include "waves/worker.h"

#define N 3
/* How long an abandoned worker goes on. */
#define LATER_USEC (200 * USEC_PER_MSEC)

typedef enum Behaviour {
        DETACHES,
        IS_LEFT,
        WAS_UNBOUND_BY_OTHERS,
        GOES_AND_VANISHES,
        STOPS_IN_THE_UNBIND,
        ENDS_WHEN_ABANDONED,
        ENDS_WHEN_ABANDONED_UNTOUCHED,
        STOPS_THE_PARENT,
} Behaviour;

/* What was asked of rebind_run(), call by call. */
static bool bound[4][N];
static unsigned n_calls;
static int rebind_error;
static Behaviour behaviours[N];
static bool never_ends;
static Topology topology;
static Config config;
static Plan plan;
static Rehearsal rehearsal;

static void end(WorkerSlot *slot, Outcome outcome, bool is_taken) {
        slot->result.outcome = outcome;
        slot->result.is_taken = is_taken;
        worker_enter_phase(slot, _PHASE_MAX);
}

static void wait_until_abandoned(WorkerSlot *slot, bool is_taken) {
        slot->result.is_taken = is_taken;
        worker_enter_phase(slot, is_taken ? PHASE_SHUTDOWN : PHASE_FSYNC);
        while (!slot->is_abandoned)
                (void) usleep(1000);
        (void) usleep(LATER_USEC);
        end(slot, is_taken ? OUTCOME_DETACHED : OUTCOME_LEFT, is_taken);
}

void worker_run(int fd, const Topology *t, size_t device, StepAction action, bool is_live,
                WorkerSlot *slot) {
        cr_assert(is_live);
        /* Whatever happens to the test, its workers do not stay. */
        (void) alarm(20);
        switch (behaviours[device]) {
        case DETACHES:
                end(slot, OUTCOME_DETACHED, true);
                break;
        case IS_LEFT:
                end(slot, OUTCOME_LEFT, false);
                break;
        case WAS_UNBOUND_BY_OTHERS:
                end(slot, OUTCOME_VANISHED, false);
                break;
        case GOES_AND_VANISHES:
                end(slot, OUTCOME_VANISHED, true);
                break;
        case STOPS_IN_THE_UNBIND:
                worker_enter_phase(slot, PHASE_SHUTDOWN);
                (void) usleep(3000 * 1000);
                break;
        case ENDS_WHEN_ABANDONED:
                wait_until_abandoned(slot, true);
                break;
        case ENDS_WHEN_ABANDONED_UNTOUCHED:
                wait_until_abandoned(slot, false);
                break;
        case STOPS_THE_PARENT:
                (void) kill(getppid(), SIGINT);
                (void) kill(getppid(), SIGHUP);
                wait_until_abandoned(slot, true);
                break;
        }
}

int rebind_new(int fd, const Topology *t, Rebind **ret) {
        return rebind_error;
}

Rebind *rebind_free(Rebind *rebind) {
        return NULL;
}

void rebind_run(Rebind *rebind, const bool *wanted, usec_t limit_usec, RebindResult *results) {
        memcpy(bound[n_calls++], wanted, sizeof(bound[0]));
        for (size_t i = 0; i < N; i++)
                if (wanted[i])
                        results[i].outcome = REBIND_DONE;
}

void rebind_set_held(const Device *device, RebindResult *result) {
        result->outcome = REBIND_HELD;
}

int uevents_settle(int fd, usec_t deadline) {
        return 1;
}

int poll_until(int fd, usec_t deadline) {
        while (!never_ends && usec_now() < deadline) {
                siginfo_t si = {};

                if (pidfd_wait(fd, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid)
                        return 1;
                (void) usleep(1000);
        }
        return 0;
}

static void setup(void) {
        fake_root_start();
        config = build_config();
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:03:00.0", NULL);
        cr_assert(eq(int, plan_make(&topology, &config, &plan), 0));
}

static void teardown(void) {
        rehearsal_done(&rehearsal);
        plan_done(&plan);
        topology_done(&topology);
        fake_root_done();
}

TestSuite(rehearsal, .init = setup, .fini = teardown, .timeout = 20);

static void run(void) {
        cr_assert(eq(int, rehearsal_run(root_fd, &topology, &plan, &config, NULL, &rehearsal), 0));
}

static void expect_bound(unsigned call, bool first, bool second, bool third) {
        const bool expected[N] = { first, second, third };

        for (size_t i = 0; i < N; i++)
                cr_expect(eq(int, bound[call][i], expected[i]), "call %u, nvme%zu", call, i);
}

Test(rehearsal, binds_what_it_has_unbound) {
        run();
        cr_expect(eq(uint, n_calls, 1));
        expect_bound(0, true, true, true);
        cr_expect(rehearsal_is_good(&rehearsal));
}

Test(rehearsal, binds_nothing_that_was_left) {
        behaviours[1] = IS_LEFT;
        run();
        expect_bound(0, true, false, true);
        cr_expect(rehearsal_is_good(&rehearsal));
}

/* Somebody else has taken it away: it is theirs. */
Test(rehearsal, binds_nothing_that_others_have_unbound) {
        behaviours[1] = WAS_UNBOUND_BY_OTHERS;
        behaviours[2] = GOES_AND_VANISHES;
        run();
        expect_bound(0, true, false, true);
        cr_expect(not(rehearsal_is_good(&rehearsal)));
}

Test(rehearsal, waits_for_the_late_ones_and_binds_them_then) {
        config.timeout_usec = 300 * USEC_PER_MSEC;
        behaviours[1] = ENDS_WHEN_ABANDONED;
        run();
        cr_expect(eq(uint, n_calls, 2));
        expect_bound(0, true, false, true);
        expect_bound(1, false, true, false);
        cr_expect(eq(int, rehearsal.record.results[1].outcome, OUTCOME_LATE));
        cr_expect(ge(u64, rehearsal.record.results[1].phase_usec[PHASE_SHUTDOWN],
                     config.timeout_usec + LATER_USEC - 100 * USEC_PER_MSEC));
        cr_expect(not(rehearsal_is_good(&rehearsal)));
}

Test(rehearsal, a_late_one_that_was_not_unbound_needs_no_bind) {
        config.timeout_usec = 300 * USEC_PER_MSEC;
        behaviours[1] = ENDS_WHEN_ABANDONED_UNTOUCHED;
        run();
        expect_bound(1, false, false, false);
}

/* bind would wait for the device's lock, which the unbind holds. */
Test(rehearsal, does_not_bind_while_the_unbind_runs) {
        config.timeout_usec = 300 * USEC_PER_MSEC;
        behaviours[1] = STOPS_IN_THE_UNBIND;
        never_ends = true;
        run();
        expect_bound(0, true, false, true);
        expect_bound(1, false, false, false);
        cr_expect(eq(int, rehearsal.rebinds[1].outcome, REBIND_HELD));
        cr_expect(not(rehearsal_is_good(&rehearsal)));
}

Test(rehearsal, binds_again_when_told_to_stop) {
        usec_t started = usec_now();

        config.max_parallel = 1;
        behaviours[1] = STOPS_THE_PARENT;
        run();
        cr_expect(lt(u64, usec_now() - started, 5 * USEC_PER_SEC));
        cr_expect(rehearsal.is_interrupted);
        expect_bound(0, true, false, false);
        expect_bound(1, false, true, false);
        cr_expect(eq(int, rehearsal.record.results[2].outcome, OUTCOME_LEFT));
        cr_expect(not(rehearsal_is_good(&rehearsal)));
}

Test(rehearsal, begins_nothing_that_it_could_not_end) {
        rebind_error = -EMFILE;
        behaviours[0] = STOPS_THE_PARENT;
        cr_expect(eq(int, rehearsal_run(root_fd, &topology, &plan, &config, NULL, &rehearsal),
                     -EMFILE));
        cr_expect(eq(uint, n_calls, 0));
        cr_expect(eq(ptr, rehearsal.rebinds, NULL));
}

Test(rehearsal, one_that_is_not_back_is_no_success) {
        run();
        rehearsal.rebinds[2].outcome = REBIND_FAILED;
        cr_expect(not(rehearsal_is_good(&rehearsal)));
        rehearsal.rebinds[2].outcome = REBIND_LATE;
        cr_expect(not(rehearsal_is_good(&rehearsal)));
        rehearsal.rebinds[2].outcome = REBIND_DONE;
        rehearsal.record.results[2].outcome = OUTCOME_UNVERIFIED;
        cr_expect(rehearsal_is_good(&rehearsal));
        rehearsal.is_interrupted = true;
        cr_expect(not(rehearsal_is_good(&rehearsal)));
        rehearsal.is_interrupted = false;
        rehearsal.record.results[2].outcome = OUTCOME_FAILED;
        cr_expect(not(rehearsal_is_good(&rehearsal)));
}
