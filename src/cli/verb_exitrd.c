/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "exitrd": tells nvme-async-shutdown-exitrd.service whether an exitrd is worth it: at boot, so that a
 * shutdown does not start this program in vain, and at shutdown. Changes nothing. */

#include "base/file.h"
#include "base/log.h"
#include "cli/verbs.h"
#include "label/zfs_members.h"
#include "plan/exitrd.h"
#include "stage/overlap.h"
#include "stage/stand_down.h"
#include "stage/survey.h"
#include "trial/system_manager.h"

/* Returns 1 if no reason is against one at the shutdown that is under way, 0 if one is (and logs
 * it), or -errno. */
static int is_wanted_now(int root_fd, const Config *config) {
        _cleanup_free_ char *reason = NULL;
        Action action;
        int r;

        r = system_manager_pending_action(&action);
        if (r == -ENOENT) {
                log_info("No exitrd is asked for: this machine is not shutting down.");
                return 0;
        }
        if (r < 0)
                return r;
        r = stand_down(root_fd, config, STAGE_EXITRD, action, &reason);
        if (r > 0)
                log_info("No exitrd is asked for: %s.", reason);
        return r < 0 ? r : r == 0;
}

/* The same for any shutdown. Logs the reason against the first action, reboot. */
static int is_wanted_at_all(int root_fd, const Config *config) {
        for (Action action = 0; action < _ACTION_MAX; action++) {
                _cleanup_free_ char *reason = NULL;
                int r = stand_down(root_fd, config, STAGE_EXITRD, action, &reason);

                if (r <= 0)
                        return r < 0 ? r : 1;
                if (action == ACTION_REBOOT)
                        log_info("No exitrd will be asked for: %s.", reason);
        }
        return 0;
}

/* Unpacking an exitrd takes time, and the kernel shuts a single controller down as fast. Claims
 * nothing: services still run, and the devices of the root are known without claims. Returns 1 or 0,
 * or -errno. */
static int is_worth_it(int root_fd, const Config *config) {
        _cleanup_topology_ Topology topology = TOPOLOGY_INIT;
        size_t n;
        int r;

        r = survey_devices(root_fd, false, &topology);
        if (r < 0)
                return r;
        r = zfs_members_mark_root(root_fd, &topology);
        if (r < 0)
                return r;
        r = exitrd_count(&topology, config, &n);
        if (r < 0)
                return r;
        log_info(n < config->min_controllers
                         ? "No exitrd is asked for: %zu NVMe controllers below the root file "
                           "system, MinControllers=%u."
                         : "An exitrd is asked for: %zu NVMe controllers below the root file "
                           "system, MinControllers=%u.",
                 n, config->min_controllers);
        return n >= config->min_controllers;
}

static int may_ask_for_exitrd(int root_fd, bool at_boot) {
        _cleanup_config_ Config config = {};
        int r;

        r = config_read(root_fd, config_log_problem, NULL, &config);
        if (r < 0)
                return r;
        settle_min_controllers(&config, STAGE_EXITRD, false);
        r = at_boot ? is_wanted_at_all(root_fd, &config) : is_wanted_now(root_fd, &config);
        return r <= 0 ? r : is_worth_it(root_fd, &config);
}

int verb_exitrd(const Arguments *arguments) {
        _cleanup_close_ int root_fd = -1;
        int r;

        root_fd = file_open_root("/");
        r = root_fd < 0 ? root_fd : may_ask_for_exitrd(root_fd, arguments->exitrd.at_boot);
        if (r < 0)
                log_error("No exitrd is asked for: %s.", strerror(-r));
        return r > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
