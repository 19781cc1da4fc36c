/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "inuse/inuse.h"
#include "stage/survey.h"
#include "topology_builder.h"
#include "tree/device_tree.h"

#define LATE_STATUS 7

static bool gets_stuck, ignores_the_alarm, is_open;
static const char *looks[8];
static size_t n_looks;
static bool was_claimed;

static void note(const char *look) {
        looks[n_looks++] = look;
}

int device_tree_read(int root_fd, Topology *ret) {
        /* What a sleep looks like that only a fatal signal ends. */
        if (ignores_the_alarm)
                (void) signal(SIGALRM, SIG_IGN);
        while (gets_stuck)
                (void) pause();
        (void) build_nvme(ret, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(ret, "nvme1", "0000:02:00.0", NULL);
        return 0;
}

int inuse_mark(int root_fd, const InuseOptions *options, Topology *topology) {
        note("kernel");
        was_claimed = options->claim;
        return 0;
}

int inuse_mark_open(int root_fd, Topology *topology) {
        note("open");
        if (is_open)
                build_use(topology, "0000:01:00.0", USE_OPEN, "open");
        return 0;
}

int inuse_mark_mapped(int root_fd, Topology *topology) {
        note("mapped");
        return 0;
}

TestSuite(survey, .timeout = 10);

static int look(unsigned min_controllers) {
        const SurveyOptions options = { .claim = true, .min_controllers = min_controllers };
        Config config = build_config();
        Topology topology = TOPOLOGY_INIT;
        Plan plan = PLAN_INIT;
        int r;

        config.timeout_usec = 100 * USEC_PER_MSEC;
        n_looks = 0;
        r = survey_in_time(-1, &config, &options, LATE_STATUS, &topology, &plan);
        if (r >= 0)
                cr_expect(eq(sz, plan.n_detach, is_open ? 1 : 2));
        plan_done(&plan);
        topology_done(&topology);
        return r;
}

Test(survey, looks_at_processes_last) {
        cr_expect(eq(int, look(2), 0));
        cr_assert(eq(sz, n_looks, 3));
        cr_expect(eq(str, (char *) looks[0], "kernel"));
        cr_expect(eq(str, (char *) looks[1], "open"));
        cr_expect(eq(str, (char *) looks[2], "mapped"));
        cr_expect(was_claimed);
}

/* Audit B2: the walk took 328 ms for 2,000 processes where the only drive was mounted. */
Test(survey, looks_at_no_process_where_too_few_could_be_taken) {
        cr_expect(eq(int, look(3), 0));
        cr_assert(eq(sz, n_looks, 1));
}

Test(survey, looks_at_no_mapping_where_too_few_are_left) {
        is_open = true;
        cr_expect(eq(int, look(2), 0));
        cr_expect(eq(str, (char *) looks[n_looks - 1], "open"));
        cr_expect(eq(int, look(1), 0));
        cr_expect(eq(str, (char *) looks[n_looks - 1], "mapped"));
}

Test(survey, one_that_gets_stuck_ends_the_process, .exit_code = LATE_STATUS) {
        gets_stuck = true;
        (void) look(2);
}

/* Audit B3: no handler runs in a killable sleep. */
Test(survey, one_that_sleeps_through_the_alarm_is_ended_a_second_later, .signal = SIGVTALRM) {
        gets_stuck = ignores_the_alarm = true;
        (void) look(2);
}

Test(survey, one_that_is_done_has_no_limit_any_more) {
        struct itimerval left;

        cr_assert(eq(int, look(2), 0));
        cr_assert(eq(int, getitimer(ITIMER_REAL, &left), 0));
        cr_expect(eq(long, left.it_value.tv_sec, 0));
        cr_expect(eq(long, left.it_value.tv_usec, 0));
        /* past the other limit, too */
        (void) usleep(1200 * 1000);
}
