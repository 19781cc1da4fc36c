/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "plan": shows what a stage would do to each controller now, and why. Changes nothing. */

#include "base/log.h"
#include "cli/verbs.h"
#include "label/labels.h"
#include "label/zfs_members.h"
#include "plan/exitrd.h"
#include "show/release_hint.h"
#include "show/selection.h"
#include "show/table.h"
#include "stage/overlap.h"
#include "stage/unit_skip.h"

static size_t count_controllers(const Topology *topology) {
        size_t n = 0;

        for (size_t i = 0; i < topology->n_devices; i++)
                n += topology->devices[i].controller != NULL;
        return n;
}

static const char *const order_phrase_table[_ORDER_MAX] = {
        [ORDER_HIERARCHY] = "concurrently",
        [ORDER_LEAVES] = "concurrently, those above others afterwards one by one",
        [ORDER_TWO_PASS] = "concurrently, in two passes",
        [ORDER_SERIAL] = "one after the other",
};

static const char *how_they_go(const Plan *plan, Order order) {
        if (order == ORDER_HIERARCHY && plan_has_waiting_controllers(plan))
                return "concurrently, physical functions after their virtual ones";
        return order_phrase_table[order];
}

/* Prints the totals, and the reasons that would keep a shutdown from acting. */
static void print_notes(const Topology *topology, const Plan *plan, const Config *config,
                        Stage stage) {
        size_t n = count_controllers(topology);

        if (n == 0) {
                (void) printf("No NVMe controllers.\n");
                return;
        }
        (void) printf(
                "\nIf the stage %s ran now: %zu of %zu controllers detached %s, %zu left to the "
                "kernel.\n",
                stage_to_string(stage), plan->n_detach, n, how_they_go(plan, config->order),
                n - plan->n_detach);
        show_selection(config, topology, stdout);
        if (plan->n_detach < config->min_controllers && !config->is_selection_uncertain)
                (void) printf("Fewer than MinControllers=%u: nothing would be done.\n",
                              config->min_controllers);
        else if (plan->n_detach > 0)
                (void) printf("A shutdown first unmounts file systems and stops swap; drives that "
                              "become idle are taken as well.\n");
        if (!config->is_enabled)
                (void) printf("Enabled=no: a shutdown leaves all of them to the kernel. See "
                              "nvme-async-shutdown.conf(5).\n");
}

/* Someone who has just set Enabled=yes would wonder why the unit does not run. */
static int warn_if_unit_is_skipped(int root_fd, const Config *config) {
        _cleanup_free_ char *reason = NULL;
        int r;

        r = unit_skip_is_outdated(root_fd, config, ACTION_REBOOT, &reason);
        if (r > 0)
                log_warning("The next reboot will skip the stage unit, as "
                            "there was nothing to do at boot (%s): systemctl restart "
                            "nvme-async-shutdown.service has it look again.",
                            reason);
        return r;
}

static int print_plan(const Arguments *arguments, int root_fd, const Machine *machine) {
        const Topology *topology = &machine->topology;
        _cleanup_labels_ Labels labels = LABELS_INIT;
        _cleanup_plan_ Plan plan = PLAN_INIT;
        int r;

        r = plan_make(topology, &machine->config, &plan);
        if (r < 0)
                return r;
        r = release_hints_add(root_fd, topology, &machine->config, &plan);
        if (r < 0)
                return r;
        for (size_t i = 0; i < plan.warnings.n; i++)
                log_warning("%s", plan.warnings.items[i]);
        r = arguments->generate ? 0 : labels_read(root_fd, topology, &labels);
        if (r < 0)
                return r;
        if (arguments->json || topology->n_devices > 0) {
                r = show_plan(topology, &labels, &plan, &machine->config, arguments->json, stdout);
                if (r < 0)
                        return r;
        }
        if (arguments->json)
                return 0;
        print_notes(topology, &plan, &machine->config, arguments->plan.stage);
        r = arguments->generate ? 0 : warn_if_unit_is_skipped(root_fd, &machine->config);
        return r < 0 ? r : 0;
}

int verb_plan(const Arguments *arguments) {
        _cleanup_(machine_done) Machine machine = MACHINE_INIT;
        _cleanup_close_ int root_fd = verb_open_root(arguments);
        int r;

        if (root_fd < 0 || verb_read_machine(arguments, root_fd, &machine) < 0)
                return EXIT_FAILURE;
        if (arguments->plan.order >= 0)
                machine.config.order = arguments->plan.order;
        settle_min_controllers(
                &machine.config, arguments->plan.stage,
                may_overlap(root_fd, &machine.config, arguments->plan.stage, ACTION_REBOOT));
        r = zfs_members_mark_root(root_fd, &machine.topology);
        if (arguments->plan.stage == STAGE_EXITRD)
                exitrd_release_root(&machine.topology);
        if (r >= 0)
                r = print_plan(arguments, root_fd, &machine);
        if (r < 0)
                log_error("Could not make a plan: %s", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
