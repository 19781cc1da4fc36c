/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way from the machine to a plan; see survey.h. */

#include "survey.h"

#include <signal.h>
#include <sys/time.h>

#include "device_tree.h"
#include "log.h"
#include "times.h"
#include "usage.h"

static volatile sig_atomic_t exit_status;

/* Only where some have to wait for others does it matter who takes how long. */
static void read_times(int root_fd, const Config *config, Topology *topology) {
        int r;

        if (config->max_parallel == 0)
                return;
        r = times_read(root_fd, topology);
        if (r < 0 && r != -ENOENT)
                log_warning("/" TIMES_PATH ": %s, ignoring: with MaxParallel= the slowest may not "
                            "come first. The next boot writes it anew.",
                            strerror(-r));
}

int survey(int root_fd, const Config *config, Stage stage, Topology *ret_topology, Plan *ret_plan) {
        const UsageOptions options = { .check_open_files = stage == STAGE_UNIT, .claim = true };
        Topology topology = TOPOLOGY_INIT;
        int r;

        r = device_tree_read(root_fd, &topology);
        if (r >= 0)
                r = usage_mark(root_fd, &options, &topology);
        if (r >= 0) {
                read_times(root_fd, config, &topology);
                r = plan_make(&topology, config, ret_plan);
        }
        if (r < 0) {
                topology_done(&topology);
                return r;
        }
        *ret_topology = topology;
        return 0;
}

static void on_timeout(int signal_number) {
        log_from_signal(
                "Looking at the devices took longer than TimeoutSec=: nothing was touched.");
        _exit(exit_status);
}

int survey_in_time(int root_fd, const Config *config, Stage stage, int late_status,
                   Topology *ret_topology, Plan *ret_plan) {
        const struct sigaction action = { .sa_handler = on_timeout };
        const struct itimerval limit = {
                .it_value.tv_sec = (time_t) (config->timeout_usec / USEC_PER_SEC),
                .it_value.tv_usec = (suseconds_t) (config->timeout_usec % USEC_PER_SEC),
        };
        const struct itimerval off = {};
        int r;

        exit_status = late_status;
        if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &limit, NULL) < 0)
                return -errno;
        r = survey(root_fd, config, stage, ret_topology, ret_plan);
        (void) setitimer(ITIMER_REAL, &off, NULL);
        return r;
}
