/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "plan": what would happen to each controller now, and why. Changes nothing. */

#include "log.h"
#include "show_table.h"
#include "survey.h"
#include "sysfs.h"
#include "verbs.h"

static size_t count_controllers(const Topology *topology) {
        size_t n = 0;

        for (size_t i = 0; i < topology->n_devices; i++)
                n += topology->devices[i].controller != NULL;
        return n;
}

static const char *const order_phrase_table[_ORDER_MAX] = {
        [ORDER_HIERARCHY] = "at the same time",
        [ORDER_LEAVES] = "at the same time, those above others afterwards one by one",
        [ORDER_TWO_PASS] = "at the same time, in two passes",
        [ORDER_SERIAL] = "one after the other",
};

/* What the tree does not show: how it ends, and what would keep a shutdown from doing it. */
static void print_notes(const Topology *topology, const Plan *plan, const Config *config,
                        Stage stage) {
        size_t n = count_controllers(topology);

        if (n == 0) {
                (void) printf("No NVMe controllers.\n");
                return;
        }
        (void) printf(
                "\nStage %s, were it to run now: %zu of %zu controllers would be detached %s, "
                "%zu left to the kernel.\n",
                stage_to_string(stage), plan->n_detach, n, order_phrase_table[config->order],
                n - plan->n_detach);
        if (plan->n_detach < config->min_controllers)
                (void) printf("Fewer than MinControllers=%u: nothing would be done.\n",
                              config->min_controllers);
        else
                (void) printf("A shutdown unmounts file systems and stops swap first; what that "
                              "frees is taken as well.\n");
        if (!config->is_enabled)
                (void) printf("Enabled=no: a shutdown leaves all of them to the kernel. See "
                              "nvme-async-shutdown.conf(5).\n");
}

static int show(int root_fd, const Arguments *arguments, const Config *config) {
        Stage stage = arguments->has_stage ? arguments->stage : STAGE_UNIT;
        Topology topology = TOPOLOGY_INIT;
        Plan plan = PLAN_INIT;
        int r;

        r = survey(root_fd, config, stage, &topology, &plan);
        if (r < 0)
                return r;
        for (size_t i = 0; i < plan.n_warnings; i++)
                log_warning("%s", plan.warnings[i]);
        if (arguments->json || topology.n_devices > 0)
                r = show_plan(&topology, &plan, arguments->json, stdout);
        if (r >= 0 && !arguments->json)
                print_notes(&topology, &plan, config, stage);
        plan_done(&plan);
        topology_done(&topology);
        return r;
}

int verb_plan(const Arguments *arguments) {
        _cleanup_close_ int root_fd = -1;
        Config config;
        int r;

        if (geteuid() != 0)
                log_warning("Not root: what is in use can't be told for every controller.");
        root_fd = sysfs_open_root("/");
        r = root_fd < 0 ? root_fd : verb_read_config(root_fd, &config);
        if (r >= 0) {
                if (arguments->has_order)
                        config.order = arguments->order;
                r = show(root_fd, arguments, &config);
                config_done(&config);
        }
        if (r < 0) {
                log_error("Could not make a plan: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
