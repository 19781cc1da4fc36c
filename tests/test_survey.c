/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/time.h>

#include "device_tree.h"
#include "survey.h"
#include "topology_builder.h"
#include "usage.h"

#define LATE_STATUS 7

static bool gets_stuck;
static UsageOptions asked;

int device_tree_read(int root_fd, Topology *ret) {
        while (gets_stuck)
                (void) pause();
        (void) build_nvme(ret, "nvme0", "0000:01:00.0", NULL);
        return 0;
}

int usage_mark(int root_fd, const UsageOptions *options, Topology *topology) {
        asked = *options;
        return 0;
}

TestSuite(survey, .timeout = 10);

static void look(Stage stage) {
        Config config = build_config();
        Topology topology = TOPOLOGY_INIT;
        Plan plan = PLAN_INIT;

        config.timeout_usec = 100 * USEC_PER_MSEC;
        cr_expect(eq(int, survey_in_time(-1, &config, stage, LATE_STATUS, &topology, &plan), 0));
        cr_expect(eq(sz, plan.n_detach, 1));
        plan_done(&plan);
        topology_done(&topology);
}

Test(survey, looks_for_open_files_while_processes_live) {
        look(STAGE_UNIT);
        cr_expect(asked.check_open_files && asked.claim);
        look(STAGE_HOOK);
        cr_expect(not(asked.check_open_files));
        cr_expect(asked.claim);
}

Test(survey, one_that_gets_stuck_ends_the_process, .exit_code = LATE_STATUS) {
        gets_stuck = true;
        look(STAGE_UNIT);
}

Test(survey, one_that_is_done_has_no_limit_any_more) {
        struct itimerval left;

        look(STAGE_UNIT);
        cr_assert(eq(int, getitimer(ITIMER_REAL, &left), 0));
        cr_expect(eq(long, left.it_value.tv_sec, 0));
        cr_expect(eq(long, left.it_value.tv_usec, 0));
}
