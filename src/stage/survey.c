/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way from the machine to a plan; see survey.h. */

#include "stage/survey.h"

#include <signal.h>
#include <sys/time.h>

#include "base/log.h"
#include "base/recorded.h"
#include "inuse/inuse.h"
#include "tree/device_tree.h"
#include "tree/times.h"

static volatile sig_atomic_t exit_status;

/* Only where some have to wait for others does it matter how long each takes. */
static void read_times(int root_fd, const Config *config, Topology *topology) {
        int r;

        if (config->max_parallel == 0 || recorded_is_root())
                return;
        r = times_read(root_fd, topology);
        if (r < 0 && r != -ENOENT)
                log_warning("/" TIMES_PATH ": %s, ignoring: with MaxParallel= the slowest may not "
                            "come first. The next boot writes it anew.",
                            strerror(-r));
}

/* 1: enough are left to take; 0: not; -errno. */
static int is_worth_more(const Topology *topology, const Config *config,
                         const SurveyOptions *options) {
        Plan plan;
        size_t n;
        int r;

        r = plan_make(topology, config, &plan);
        if (r < 0)
                return r;
        n = plan.n_detach;
        plan_done(&plan);
        return n >= options->min_controllers;
}

/* Cheap looks come first, and each is left out when it can't matter any more.
 * Open files are looked at in every stage: systemd-shutdown spares processes too (storage daemons,
 * SurviveFinalKillSignal=). Where few are left that costs next to nothing. 0 or -errno. */
static int look_at_processes(int root_fd, const Config *config, const SurveyOptions *options,
                             Topology *topology) {
        int r;

        r = is_worth_more(topology, config, options);
        if (r <= 0)
                return r;
        r = inuse_mark_open(root_fd, topology);
        if (r < 0)
                return r;
        r = is_worth_more(topology, config, options);
        if (r <= 0)
                return r;
        return inuse_mark_mapped(root_fd, topology);
}

int survey_devices(int root_fd, bool claim, Topology *ret_topology) {
        const InuseOptions options = { .claim = claim };
        _cleanup_topology_ Topology topology = TOPOLOGY_INIT;
        int r;

        r = device_tree_read(root_fd, &topology);
        if (r < 0)
                return r;
        r = inuse_mark(root_fd, &options, &topology);
        if (r < 0)
                return r;
        *ret_topology = TAKE(topology, TOPOLOGY_INIT);
        return 0;
}

int survey(int root_fd, const Config *config, const SurveyOptions *options, Topology *ret_topology,
           Plan *ret_plan) {
        _cleanup_topology_ Topology topology = TOPOLOGY_INIT;
        int r;

        r = survey_devices(root_fd, options->claim, &topology);
        if (r < 0)
                return r;
        r = look_at_processes(root_fd, config, options, &topology);
        if (r < 0)
                return r;
        read_times(root_fd, config, &topology);
        r = plan_make(&topology, config, ret_plan);
        if (r < 0)
                return r;
        *ret_topology = TAKE(topology, TOPOLOGY_INIT);
        return 0;
}

static void on_timeout(int signal_number) {
        log_from_signal(
                "Looking at the devices took longer than TimeoutSec=: nothing was touched.");
        _exit(exit_status);
}

/* The default action of SIGVTALRM ends the process even in a killable sleep: in
 * mmap_read_lock_killable() of a stuck process, or on a file server. */
static int arm_last_resort(usec_t usec, timer_t *ret_timer) {
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM };
        const struct itimerspec limit = {
                .it_value.tv_sec = (time_t) (usec / USEC_PER_SEC),
                .it_value.tv_nsec = (long) (usec % USEC_PER_SEC) * 1000,
        };

        (void) signal(SIGVTALRM, SIG_DFL);
        if (timer_create(CLOCK_MONOTONIC, &event, ret_timer) < 0)
                return -errno;
        if (timer_settime(*ret_timer, 0, &limit, NULL) >= 0)
                return 0;
        (void) timer_delete(*ret_timer);
        return -errno;
}

int survey_in_time(int root_fd, const Config *config, const SurveyOptions *options, int late_status,
                   Topology *ret_topology, Plan *ret_plan) {
        const usec_t usec =
                options->timeout_usec > 0 ? options->timeout_usec : config->timeout_usec;
        const struct sigaction action = { .sa_handler = on_timeout };
        const struct itimerval limit = {
                .it_value.tv_sec = (time_t) (usec / USEC_PER_SEC),
                .it_value.tv_usec = (suseconds_t) (usec % USEC_PER_SEC),
        };
        const struct itimerval off = {};
        timer_t last_resort;
        int r;

        exit_status = late_status;
        if (sigaction(SIGALRM, &action, NULL) < 0)
                return -errno;
        r = arm_last_resort(usec + USEC_PER_SEC, &last_resort);
        if (r < 0)
                return r;
        r = setitimer(ITIMER_REAL, &limit, NULL) < 0 ? -errno : 0;
        if (r >= 0)
                r = survey(root_fd, config, options, ret_topology, ret_plan);
        (void) setitimer(ITIMER_REAL, &off, NULL);
        (void) timer_delete(last_resort);
        return r;
}
