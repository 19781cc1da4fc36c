/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans as if the root were unmounted; see exitrd.h. */

#include "plan/exitrd.h"

static bool is_below_root(const Device *device) {
        return device->controller && device->controller->use.kind == USE_ROOT;
}

static void release(Topology *topology, bool of_root) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                Device *device = &topology->devices[i];

                if (!device->controller || is_below_root(device) != of_root)
                        continue;
                free(device->controller->use.detail);
                device->controller->use = (Use){};
        }
}

void exitrd_release_root(Topology *topology) {
        release(topology, true);
}

void exitrd_release_others(Topology *topology) {
        release(topology, false);
}

static int count_detached(const Topology *topology, const Config *config, const bool *is_root,
                          size_t *ret_n) {
        _cleanup_plan_ Plan plan = PLAN_INIT;
        int r;

        r = plan_make(topology, config, &plan);
        if (r < 0)
                return r;
        *ret_n = 0;
        for (size_t i = 0; i < plan.n_steps; i++)
                *ret_n += is_root[i] && plan.steps[i].action == STEP_DETACH;
        return 0;
}

int exitrd_count(Topology *topology, const Config *config, size_t *ret_n) {
        bool *is_root;
        int r;

        is_root = calloc(topology->n_devices + 1, sizeof(bool));
        if (!is_root)
                return -ENOMEM;
        for (size_t i = 0; i < topology->n_devices; i++)
                is_root[i] = is_below_root(&topology->devices[i]);
        exitrd_release_root(topology);
        r = count_detached(topology, config, is_root, ret_n);
        free(is_root);
        return r;
}
