/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "rehearse": runs a shutdown of the idle controllers on the live machine, then binds them again. */

#include "base/file.h"
#include "base/log.h"
#include "cli/verbs.h"
#include "show/rehearsal.h"
#include "stage/stand_down.h"
#include "stage/survey.h"
#include "trial/rehearse.h"
#include "trial/system_manager.h"

typedef struct Rehearse {
        const Arguments *arguments;
        int root_fd;
        Config config;
        Topology topology;
        Plan plan;
} Rehearse;

/* Logs the reason. Always returns -ECANCELED. */
static int refuse_rehearsal(const char *reason) {
        log_error("Refusing, nothing was touched: %s.", reason);
        return -ECANCELED;
}

static int look_at_machine(const Rehearse *rehearse, Topology *ret_topology, Plan *ret_plan) {
        const SurveyOptions options = { .claim = true, .min_controllers = 1 };
        int r = survey_in_time(rehearse->root_fd, &rehearse->config, &options, EXIT_FAILURE,
                               ret_topology, ret_plan);

        for (size_t i = 0; r >= 0 && i < ret_plan->warnings.n; i++)
                log_warning("%s", ret_plan->warnings.items[i]);
        return r;
}

static bool is_confirmed_by_answer(const Rehearse *rehearse) {
        const Topology *t = &rehearse->topology;
        char answer[16] = "";

        (void) fprintf(stderr, "These idle controllers will be shut down and bound again:\n\n");
        for (size_t i = 0; i < t->n_devices; i++)
                if (rehearse->plan.steps[i].action == STEP_DETACH)
                        (void) fprintf(stderr, "    %s  %s  %s  %s\n", t->devices[i].address,
                                       t->devices[i].controller->name,
                                       t->devices[i].controller->model ?: "-",
                                       t->devices[i].controller->serial);
        (void) fprintf(stderr,
                       "\nMeanwhile their devices are gone, and they may come back under other "
                       "names\n(/dev/nvme2n1 as /dev/nvme3n1). Go on? [y/N] ");
        return fgets(answer, sizeof(answer), stdin) &&
               (STREQ(answer, "y\n") || STREQ(answer, "yes\n"));
}

static bool is_same_step(const Rehearse *rehearse, const Topology *topology, const Plan *plan,
                         size_t i) {
        const Device *a = &rehearse->topology.devices[i], *b = &topology->devices[i];

        if (rehearse->plan.steps[i].action != plan->steps[i].action ||
            !STREQ(a->address, b->address))
                return false;
        return plan->steps[i].action != STEP_DETACH ||
               (STREQ(a->controller->name, b->controller->name) &&
                STREQ(a->controller->serial, b->controller->serial));
}

/* The user may have taken minutes to answer: a controller that was idle may be in use now, and the
 * user has not agreed to any other. Acts on the second look. */
static int look_again(Rehearse *rehearse) {
        Topology topology = TOPOLOGY_INIT;
        Plan plan = PLAN_INIT;
        bool is_same;
        int r;

        r = look_at_machine(rehearse, &topology, &plan);
        if (r < 0)
                return r;
        is_same = rehearse->topology.n_devices == topology.n_devices;
        for (size_t i = 0; is_same && i < topology.n_devices; i++)
                is_same = is_same_step(rehearse, &topology, &plan, i);
        plan_done(&rehearse->plan);
        topology_done(&rehearse->topology);
        rehearse->plan = plan;
        rehearse->topology = topology;
        return is_same ? 0 : refuse_rehearsal("what is idle has changed since you were asked");
}

static int may_rehearse(const Rehearse *rehearse) {
        _cleanup_free_ char *reason = NULL;
        Action action = _ACTION_INVALID;
        int r;

        if (!rehearse->arguments->rehearse.yes && !isatty(STDIN_FILENO))
                return refuse_rehearsal(
                        "there is no terminal to ask for confirmation on; use --yes");
        r = system_manager_pending_action(&action);
        r = stand_down_rehearsal(rehearse->root_fd, &rehearse->config, r, action, &reason);
        return r > 0 ? refuse_rehearsal(reason) : r;
}

static int carry_out(const Rehearse *rehearse, bool *ret_is_good) {
        Rehearsal rehearsal = REHEARSAL_INIT;
        bool is_printed;
        int r;

        r = rehearsal_run(rehearse->root_fd, &rehearse->topology, &rehearse->plan,
                          &rehearse->config, rehearse->arguments->argv0, &rehearsal);
        if (r < 0)
                return r;
        show_rehearsal_mending(&rehearse->topology, &rehearsal, stderr);
        is_printed = show_rehearsal(&rehearse->topology, &rehearsal, rehearse->arguments->json,
                                    stdout) >= 0 &&
                     fflush(stdout) == 0;
        if (!is_printed)
                log_error("Could not print the result.");
        *ret_is_good = is_printed && rehearsal_is_good(&rehearsal);
        rehearsal_done(&rehearsal);
        return 0;
}

static int rehearse_all(Rehearse *rehearse, bool *ret_is_good) {
        int r;

        r = may_rehearse(rehearse);
        if (r < 0)
                return r;
        r = look_at_machine(rehearse, &rehearse->topology, &rehearse->plan);
        if (r < 0)
                return r;
        if (rehearse->plan.n_detach > 0 && !rehearse->arguments->rehearse.yes) {
                r = is_confirmed_by_answer(rehearse) ? look_again(rehearse)
                                                     : refuse_rehearsal("you did not say yes");
                if (r < 0)
                        return r;
        }
        return carry_out(rehearse, ret_is_good);
}

static void rehearse_done(Rehearse *rehearse) {
        plan_done(&rehearse->plan);
        topology_done(&rehearse->topology);
        config_done(&rehearse->config);
}

int verb_rehearse(const Arguments *arguments) {
        _cleanup_close_ int root_fd = file_open_root("/");
        _cleanup_(rehearse_done) Rehearse rehearse = { .arguments = arguments, .root_fd = root_fd };
        bool is_good = false;
        int r;

        if (geteuid() != 0)
                return refuse_rehearsal(
                               "only root can see which controllers are in use, and unbind them"),
                       EXIT_FAILURE;
        r = root_fd < 0 ? root_fd
                        : config_read(root_fd, config_log_problem, NULL, &rehearse.config);
        if (r >= 0) {
                /* On a live machine nothing is done to a controller in use, not even a Flush. */
                rehearse.config.flush = false;
                rehearse.config.keep_physical_functions = true;
                r = rehearse_all(&rehearse, &is_good);
        }
        if (r < 0 && r != -ECANCELED)
                log_error("Could not rehearse: %s", strerror(-r));
        return r >= 0 && is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
