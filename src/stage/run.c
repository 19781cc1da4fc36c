/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One stage of a shutdown; see run.h. */

#include "stage/run.h"

#include <syslog.h>

#include "base/file.h"
#include "base/log.h"
#include "record/keep.h"
#include "record/progress.h"
#include "record/record.h"
#include "stage/overlap.h"
#include "stage/release.h"
#include "stage/stand_down.h"
#include "stage/survey.h"
#include "tree/nvme_presence.h"
#include "waves/ops_kernel.h"
#include "waves/process_setup.h"
#include "waves/waves.h"

enum {
        RUN_STAND_DOWN,
        RUN_GO,
};

typedef struct Run {
        int root_fd;
        Stage stage;
        Action action;
        Config config;
        Topology topology;
        Plan plan;
        char *argv0;
        Record record; /* its results are shared with the workers */
        bool overlap;
        int console_fd;
        bool has_asked_to_keep; /* the kernel's log */
        ssize_t n_bound;        /* controllers bound to the driver; -errno */
        usec_t started_usec;
} Run;

static void on_progress(void *userdata, size_t n_done, size_t n_steps, usec_t elapsed_usec) {
        const Run *run = userdata;

        progress_show(run->console_fd, n_done, n_steps, elapsed_usec);
}

static void on_ended(void *userdata, const Record *record, size_t device) {
        const Topology *topology = &((const Run *) userdata)->topology;

        if (device_is_undriven(&topology->devices[device]))
                return;
        if (topology->devices[device].controller)
                record_log_controller(record, topology, device);
        else if (record->results[device].outcome == OUTCOME_DETACHED)
                record_log_released(record, topology, device);
}

/* Logs the totals of the stage with the ends of the workers that it did not wait for. No process
 * writes to the shared results any more. Returns 0 or -ENOMEM. */
static int log_final_summary(const Run *run, OpsKernel *ops) {
        _cleanup_free_ StepResult *results = calloc(run->plan.n_steps + 1, sizeof(StepResult));
        Record record = run->record;

        if (!results)
                return -ENOMEM;
        for (size_t i = 0; i < run->plan.n_steps; i++) {
                const StepResult *late = ops_kernel_orphan_result(ops, i);

                results[i] = run->record.results[i];
                if (late)
                        waves_take_final_result(&run->plan.steps[i], &results[i], late);
        }
        record.results = results;
        record.ended_usec = usec_now();
        record_log_summary(&record, &run->topology);
        return 0;
}

/* Runs in a worker that the stage did not wait for. The journal may be gone. */
static void on_orphan_ended(void *userdata, OpsKernel *ops, size_t device, bool is_last) {
        const Run *run = userdata;
        Record record = run->record;
        StepResult result;

        log_switch_to_kmsg();
        if (is_last) {
                /* Out of memory: the lines of all controllers are there, ignoring. */
                (void) log_final_summary(run, ops);
                return;
        }
        /* The worker takes only values from before the fork: the parent writes to the others. */
        result = record.results[device];
        waves_take_final_result(&run->plan.steps[device], &result,
                                ops_kernel_orphan_result(ops, device));
        record_log_result(&record, &run->topology, device, &result);
}

/* Where no journal will, only the kernel can tell the next boot about this one's end. */
static void keep_kernel_log(Run *run) {
        bool is_volatile = run->stage == STAGE_UNIT && is_journal_volatile(run->root_fd);
        int r;

        if (TAKE(run->has_asked_to_keep, true))
                return;
        if (run->stage == STAGE_UNIT && !is_volatile && !run->overlap)
                return;
        if (is_volatile)
                log_tee_kmsg();
        r = pstore_log_keep(run->root_fd, run->config.persist_log, run->action);
        if (r < 0)
                log_warning("Could not make the kernel keep its log, ignoring: %s", strerror(-r));
        else if (r != PSTORE_LOG_KEPT)
                log_info("These lines will not survive the reboot: %s.",
                         pstore_log_to_string((PstoreLog) r));
}

/* Without the boot's id the report won't find the entries, but the stage can go on. */
static void record_programs(const Run *run, const ProgramResult *results, size_t n) {
        Record record = {
                .stage = run->stage,
                .action = run->action,
                .started_usec = run->started_usec,
        };
        int r = record_read_boot_id(&record, run->root_fd);

        if (r < 0)
                log_warning("Could not read the boot's id, ignoring: %s", strerror(-r));
        for (size_t i = 0; i < n; i++)
                record_log_program(&record, &results[i]);
}

/* The survey decides by itself, however the programs end. */
static void release_drives(Run *run, usec_t deadline) {
        const ReleaseOptions options = {
                .stage = run->stage,
                .action = run->action,
                .timeout_usec = run->config.release_timeout_usec,
                .deadline = deadline,
        };
        ProgramResult results[PROGRAMS_MAX];
        size_t n;

        n = release_run(run->root_fd, run->config.release, &options, results);
        if (n == 0)
                return;
        /* Also where no drive is taken in the end: that is when the admin wants to know more. */
        keep_kernel_log(run);
        record_programs(run, results, n);
}

static int act(Run *run, usec_t deadline) {
        const WavesOptions options = {
                .deadline_usec = deadline,
                .max_parallel = run->config.max_parallel,
                .overlap = run->overlap,
                .ended = on_ended,
                .progress = on_progress,
                .userdata = run,
        };
        const OpsKernelOptions ops_options = {
                .argv0 = run->argv0,
                .reports_begin = run->overlap,
                .orphan_ended = on_orphan_ended,
                .userdata = run,
        };
        _cleanup_ops_kernel_ OpsKernel *ops = NULL;
        int r;

        r = record_init_shared(&run->record, run->stage, run->action, run->plan.n_steps);
        if (r < 0)
                return r;
        r = record_read_boot_id(&run->record, run->root_fd);
        if (r < 0)
                return r;
        r = ops_kernel_new(run->root_fd, &run->topology, &ops_options, &ops);
        if (r < 0)
                return r;
        run->console_fd = progress_open(run->root_fd);
        run->record.is_rcu_expedited = process_setup_apply(run->root_fd, &run->topology);
        run->record.started_usec = run->started_usec;
        keep_kernel_log(run);
        log_prepare_kmsg();
        r = waves_run(&run->plan, &ops_kernel, ops, &options, &run->record);
        if (r < 0)
                return r;
        record_log_summary(&run->record, &run->topology);
        if (ops_kernel_leave_orphans(ops))
                return log_final_summary(run, ops);
        return 0;
}

static void say_what_begins(const Config *config, size_t n) {
        if (config->order == ORDER_SERIAL || config->max_parallel == 1)
                log_info("Shutting %zu NVMe controllers down one after the other.", n);
        else if (config->max_parallel > 0 && config->max_parallel < n)
                log_info("Shutting %zu NVMe controllers down, at most %u at the same time.", n,
                         config->max_parallel);
        else
                log_info("Shutting %zu NVMe controllers down at the same time.", n);
}

/* 0: done or rightly nothing done; -errno. */
static int survey_and_act(Run *run) {
        usec_t deadline = usec_now() + run->config.timeout_usec, now;
        SurveyOptions options = { .claim = true };
        int r;

        run->overlap = may_overlap(run->root_fd, &run->config, run->stage, run->action);
        settle_min_controllers(&run->config, run->stage, run->overlap);
        options.min_controllers = run->config.min_controllers;

        /* A look at every device of the machine is worth nothing then. */
        if (run->n_bound >= 0 && (size_t) run->n_bound < run->config.min_controllers) {
                log_info("Nothing to do: %zd NVMe controllers, MinControllers=%u.", run->n_bound,
                         run->config.min_controllers);
                return 0;
        }
        release_drives(run, deadline);
        now = usec_now();
        if (now >= deadline) {
                log_error("Release= has taken all of TimeoutSec=: nothing was touched.");
                return 0;
        }
        options.timeout_usec = deadline - now;
        r = survey_in_time(run->root_fd, &run->config, &options, EXIT_SUCCESS, &run->topology,
                           &run->plan);
        if (r < 0)
                return r;
        for (size_t i = 0; i < run->plan.warnings.n; i++)
                log_warning("%s", run->plan.warnings.items[i]);
        if (run->plan.n_detach < run->config.min_controllers) {
                log_info("Nothing to do: %zu idle NVMe controllers, MinControllers=%u.",
                         run->plan.n_detach, run->config.min_controllers);
                return 0;
        }
        say_what_begins(&run->config, run->plan.n_detach);
        return act(run, deadline);
}

/* RUN_GO, or RUN_STAND_DOWN with the reason logged; -errno. */
static int may_run(const Run *run) {
        _cleanup_free_ char *reason = NULL;
        int r;

        r = stand_down(run->root_fd, &run->config, run->stage, run->action, &reason);
        if (r > 0)
                log_info("Standing down: %s.", reason);
        if (r != 0)
                return r < 0 ? r : RUN_STAND_DOWN;
        r = is_shutting_down(run->root_fd, run->stage, run->action);
        if (r < 0) {
                log_error("Refusing: could not find out whether the machine is shutting down: %s.",
                          strerror(-r));
                return -EPERM;
        }
        if (r == 0) {
                log_error("Refusing: this machine is not on its way to %s.",
                          action_to_string(run->action));
                return -EPERM;
        }
        return RUN_GO;
}

/* systemd-shutdown passes the action to its executables, but 262 passes an empty word:
 * execute_strv() overwrites it in the child's copy. The unit always names its action. */
static int find_action(Run *run, const char *word) {
        run->action = *word || run->stage == STAGE_UNIT ? action_from_string(word)
                                                        : shutting_down_action(run->root_fd);
        if (run->action >= 0)
                return 0;
        log_error("Nothing done: the action must be reboot, poweroff, halt or kexec, not "
                  "\"%.40s\".",
                  word);
        return -EINVAL;
}

static void run_done(Run *run) {
        record_done(&run->record);
        plan_done(&run->plan);
        topology_done(&run->topology);
        config_done(&run->config);
        close_fd(&run->console_fd);
        close_fd(&run->root_fd);
}

static int run_stage(Stage stage, const char *word, char *argv0) {
        _cleanup_(run_done) Run run = {
                .root_fd = -1,
                .stage = stage,
                .action = _ACTION_INVALID,
                .argv0 = argv0,
                .record = RECORD_INIT,
                .console_fd = -1,
                .started_usec = usec_now(),
        };
        int r;

        run.root_fd = file_open_root("/");
        if (run.root_fd < 0)
                return run.root_fd;
        r = find_action(&run, word);
        if (r < 0)
                return r;
        run.n_bound = nvme_presence_count(run.root_fd);
        if (run.n_bound == 0) {
                /* In the hook most often: the unit has taken all. No setting makes a difference. */
                log_info("Nothing to do: no NVMe controllers.");
                return 0;
        }
        r = config_read(run.root_fd, config_log_problem, NULL, &run.config);
        if (r < 0)
                return r;
        r = may_run(&run);
        return r == RUN_GO ? survey_and_act(&run) : r;
}

int stage_run(Stage stage, const char *word, char *argv0) {
        int r;

        if (stage != STAGE_UNIT)
                log_open(LOG_TARGET_KMSG, LOG_DEBUG);
        else if (getenv("JOURNAL_STREAM"))
                log_open(LOG_TARGET_JOURNAL, LOG_DEBUG);
        r = run_stage(stage, word, argv0);
        if (r < 0 && r != -EINVAL && r != -EPERM)
                log_error("Giving up: %s. The kernel shuts the remaining controllers down.",
                          strerror(-r));
        log_close();
        /* In hook and exitrd a failure of ours must not stop the shutdown. */
        return r < 0 && stage == STAGE_UNIT ? EXIT_FAILURE : EXIT_SUCCESS;
}
