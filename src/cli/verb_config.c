/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "config": shows the effective configuration and the origin of each value. */

#include "base/file.h"
#include "base/log.h"
#include "cli/verbs.h"
#include "show/selection.h"
#include "show/table.h"
#include "tree/device_tree.h"

/* Adds the controllers that the globs match, if the devices can be read. */
static int print_config(const Arguments *arguments, int root_fd, const Config *config) {
        _cleanup_topology_ Topology topology = TOPOLOGY_INIT;
        const Topology *known = &topology;
        int r;

        r = device_tree_read(root_fd, &topology);
        if (r < 0) {
                log_warning("Could not look for the controllers that Include= and Exclude= match, "
                            "ignoring: %s.",
                            strerror(-r));
                known = NULL;
        }
        r = show_config(config, known, arguments->json, stdout);
        if (r < 0)
                return r;
        if (!arguments->json)
                show_selection(config, known, stdout);
        return 0;
}

int verb_config(const Arguments *arguments) {
        _cleanup_close_ int root_fd = -1;
        Config config;
        bool is_valid;
        int r;

        root_fd = verb_open_root(arguments);
        if (root_fd < 0)
                return EXIT_FAILURE;
        r = config_read(root_fd, config_log_problem, NULL, &config);
        if (r < 0) {
                log_error("Could not read the configuration: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        is_valid = config.n_errors == 0;
        r = print_config(arguments, root_fd, &config);
        config_done(&config);
        if (r < 0) {
                log_error("Could not print the configuration: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        return is_valid ? EXIT_SUCCESS : EXIT_FAILURE;
}
