/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way from the machine to a plan; see survey.h. */

#include "survey.h"

#include "udev_tree.h"
#include "usage.h"

int survey(int root_fd, const Config *config, Stage stage, Topology *ret_topology, Plan *ret_plan) {
        const UsageOptions options = { .check_open_files = stage == STAGE_UNIT, .claim = true };
        Topology topology = TOPOLOGY_INIT;
        int r;

        r = udev_tree_read(root_fd, &topology);
        if (r >= 0)
                r = usage_mark(root_fd, &options, &topology);
        if (r >= 0)
                r = plan_make(&topology, config, ret_plan);
        if (r < 0) {
                topology_done(&topology);
                return r;
        }
        *ret_topology = topology;
        return 0;
}
