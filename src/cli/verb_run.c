/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "run": what the unit, the hook and the exitrd call. */

#include <syslog.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/verbs.h"
#include "paths.h"
#include "record/journal_storage.h"
#include "record/progress.h"
#include "record/pstore_log.h"
#include "record/record.h"
#include "stage/pending_action.h"
#include "stage/stand_down.h"
#include "stage/survey.h"
#include "tree/nvme_presence.h"
#include "waves/ops_kernel.h"
#include "waves/process_setup.h"
#include "waves/waves.h"

/* For the answer of PID 1, which other units keep busy. */
#define PENDING_USEC (5 * USEC_PER_SEC)

typedef struct Run {
        int root_fd;
        Stage stage;
        Action action; /* unit: _ACTION_INVALID until systemd has been asked, if not given */
        Config config;
        Topology topology;
        Plan plan;
        char *argv0;
        int console_fd;
        PendingAction pending; /* unit */
        ssize_t n_bound;       /* controllers that the driver has; -errno */
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

/* Where no journal will, only the kernel can tell the next boot about this one's end. */
static void keep_kernel_log(const Run *run) {
        int r;

        if (run->stage == STAGE_UNIT && !is_journal_volatile(run->root_fd))
                return;
        if (run->stage == STAGE_UNIT)
                log_tee_kmsg();
        r = pstore_log_keep(run->root_fd, run->config.persist_log, run->action);
        if (r < 0)
                log_warning("Could not make the kernel keep its log, ignoring: %s", strerror(-r));
        else if (r != PSTORE_LOG_KEPT)
                log_info("These lines will not survive the reboot: %s.",
                         pstore_log_to_string((PstoreLog) r));
}

static int act(Run *run, usec_t deadline) {
        const WavesOptions options = {
                .deadline_usec = deadline,
                .max_parallel = run->config.max_parallel,
                .ended = on_ended,
                .progress = on_progress,
                .userdata = run,
        };
        OpsKernel *ops = NULL;
        Record record = RECORD_INIT;
        int r;

        r = record_init(&record, run->stage, run->action, run->plan.n_steps);
        if (r >= 0)
                r = record_read_boot_id(&record, run->root_fd);
        if (r >= 0)
                r = ops_kernel_new(run->root_fd, &run->topology, false, run->argv0, &ops);
        if (r >= 0) {
                run->console_fd = progress_open(run->root_fd);
                record.is_rcu_expedited = last_second_settings(run->root_fd, &run->topology);
                record.started_usec = run->started_usec;
                keep_kernel_log(run);
                r = waves_run(&run->plan, &ops_kernel, ops, &options, &record);
        }
        if (r >= 0)
                record_log_summary(&record, &run->topology);
        close_fd(&run->console_fd);
        ops_kernel_free(ops);
        record_done(&record);
        return r;
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

/* unit: what PID 1 says of the way down. 1: go on; 0: stand down, which has been said; -errno. */
static int confirm_action(void *userdata) {
        _cleanup_free_ char *reason = NULL;
        Run *run = userdata;
        Action action;
        int r;

        r = pending_action_finish(&run->pending, usec_now() + PENDING_USEC, &action);
        if (r == -ENOENT || (r >= 0 && run->action >= 0 && run->action != action)) {
                log_error("Refusing: this machine is not %s%s.",
                          run->action < 0 ? "shutting down" : "on its way to ",
                          run->action < 0 ? "" : action_to_string(run->action));
                return -EPERM;
        }
        if (r < 0) {
                log_error("Refusing: could not find out whether the machine is shutting down: %s.",
                          strerror(-r));
                return -EPERM;
        }
        run->action = action;
        r = stand_down_action(&run->config, action, &reason);
        if (r > 0)
                log_info("Standing down: %s.", reason);
        return r < 0 ? r : r == 0;
}

/* 0: done or rightly nothing done; -errno. */
static int survey_and_act(Run *run) {
        usec_t deadline = usec_now() + run->config.timeout_usec;
        const SurveyOptions options = {
                .claim = true,
                .min_controllers = run->config.min_controllers,
                .confirm = run->stage == STAGE_UNIT ? confirm_action : NULL,
                .userdata = run,
        };
        int r;

        /* A look at every device of the machine is worth nothing then. */
        if (run->n_bound >= 0 && (size_t) run->n_bound < run->config.min_controllers) {
                log_info("Nothing to do: %zd NVMe controllers, MinControllers=%u.", run->n_bound,
                         run->config.min_controllers);
                return 0;
        }
        if (run->stage == STAGE_UNIT) {
                r = pending_action_start(&run->pending, PENDING_PROGRAM);
                if (r < 0) {
                        log_error("Refusing: " PENDING_PROGRAM ": %s.", strerror(-r));
                        return -EPERM;
                }
        }
        r = survey_in_time(run->root_fd, &run->config, &options, EXIT_SUCCESS, &run->topology,
                           &run->plan);
        if (r <= 0)
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

/* 1: go on; 0: stand down, which has been said; -errno. */
static int may_run(const Run *run) {
        _cleanup_free_ char *reason = NULL;
        int r;

        r = stand_down(run->root_fd, &run->config, run->stage, run->action, &reason);
        if (r > 0)
                log_info("Standing down: %s.", reason);
        if (r != 0)
                return r < 0 ? r : 0;
        r = run->stage == STAGE_UNIT ? 1 : is_shutting_down(run->root_fd, run->stage);
        if (r < 0) {
                log_error("Refusing: could not find out whether the machine is shutting down: %s.",
                          strerror(-r));
                return r;
        }
        if (r == 0) {
                log_error("Refusing: this machine is not on its way to %s.",
                          action_to_string(run->action));
                return -EPERM;
        }
        return 1;
}

/* The unit leaves it to us to find out which way the machine goes down. systemd-shutdown says it to
 * its executables, but 262 gives them an empty word: execute_strv() overwrites it on the way, in
 * the child's copy. */
static int find_action(Run *run, const Arguments *arguments) {
        const char *word = arguments->n_operands > 0 ? arguments->operands[0] : "";

        if (arguments->n_operands == 0 && run->stage == STAGE_UNIT)
                return 0;
        if (arguments->n_operands <= 1)
                run->action = *word || run->stage == STAGE_UNIT
                                      ? action_from_string(word)
                                      : shutting_down_action(run->root_fd);
        if (run->action >= 0)
                return 0;
        log_error("Nothing done: the action must be reboot, poweroff, halt or kexec, not "
                  "\"%.40s\".",
                  word);
        return -EINVAL;
}

static int run_stage(const Arguments *arguments) {
        Run run = {
                .root_fd = -1,
                .stage = arguments->stage,
                .action = _ACTION_INVALID,
                .argv0 = arguments->argv0,
                .console_fd = -1,
                .pending = PENDING_ACTION_INIT,
                .started_usec = usec_now(),
        };
        int r;

        run.root_fd = file_open_root("/");
        if (run.root_fd < 0)
                return run.root_fd;
        r = find_action(&run, arguments);
        if (r < 0) {
                (void) close(run.root_fd);
                return r;
        }
        run.n_bound = nvme_presence_count(run.root_fd);
        if (run.n_bound == 0) {
                /* In the hook most often: the unit has taken all. No setting makes a difference. */
                log_info("Nothing to do: no NVMe controllers.");
                (void) close(run.root_fd);
                return 0;
        }
        r = verb_read_config(run.root_fd, &run.config);
        if (r >= 0) {
                r = may_run(&run);
                if (r > 0)
                        r = survey_and_act(&run);
                pending_action_done(&run.pending);
                plan_done(&run.plan);
                topology_done(&run.topology);
                config_done(&run.config);
        }
        (void) close(run.root_fd);
        return r;
}

int verb_run(const Arguments *arguments) {
        bool is_unit = arguments->stage == STAGE_UNIT;
        int r;

        if (!arguments->has_stage) {
                log_error("run needs --stage=unit, hook or exitrd.");
                return EXIT_FAILURE;
        }
        if (!is_unit)
                log_open(LOG_TARGET_KMSG, LOG_DEBUG);
        else if (getenv("JOURNAL_STREAM"))
                log_open(LOG_TARGET_JOURNAL, LOG_DEBUG);
        r = run_stage(arguments);
        if (r < 0 && r != -EINVAL && r != -EPERM)
                log_error("Nothing done by us from here on: %s.", strerror(-r));
        log_close();
        /* After the root file system is read-only nobody may be stopped by us. */
        return r < 0 && is_unit ? EXIT_FAILURE : EXIT_SUCCESS;
}
