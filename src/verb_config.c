/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "config": the effective configuration and where each value comes from. */

#include "log.h"
#include "show_table.h"
#include "sysfs.h"
#include "verbs.h"

int verb_config(const Arguments *arguments) {
        _cleanup_close_ int root_fd = -1;
        Config config;
        bool is_valid;
        int r;

        root_fd = sysfs_open_root("/");
        r = root_fd < 0 ? root_fd : verb_read_config(root_fd, &config);
        if (r < 0) {
                log_error("Could not read the configuration: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        is_valid = config.n_errors == 0;
        r = show_config(&config, arguments->json, stdout);
        config_done(&config);
        if (r < 0) {
                log_error("Could not print the configuration: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        return is_valid ? EXIT_SUCCESS : EXIT_FAILURE;
}
