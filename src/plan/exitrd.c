/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See exitrd.h. */

#include "plan/exitrd.h"

static bool is_below_root(const Device *device) {
        return device->controller && device->controller->use.kind == USE_ROOT;
}

void exitrd_release_root(Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                Device *device = &topology->devices[i];

                if (!is_below_root(device))
                        continue;
                free(device->controller->use.detail);
                device->controller->use = (Use){};
        }
}

int exitrd_count(Topology *topology, const Config *config, size_t *ret_n) {
        bool *is_root = calloc(topology->n_devices + 1, sizeof(bool));
        size_t n = 0;
        Plan plan;
        int r;

        if (!is_root)
                return -ENOMEM;
        for (size_t i = 0; i < topology->n_devices; i++)
                is_root[i] = is_below_root(&topology->devices[i]);
        exitrd_release_root(topology);
        r = plan_make(topology, config, &plan);
        if (r >= 0) {
                for (size_t i = 0; i < plan.n_steps; i++)
                        n += is_root[i] && plan.steps[i].action == STEP_DETACH;
                plan_done(&plan);
                *ret_n = n;
        }
        free(is_root);
        return r < 0 ? r : 0;
}
