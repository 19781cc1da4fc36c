/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What more than one verb begins with. */

#include "base/log.h"
#include "cli/verbs.h"

static void log_problem(void *userdata, int level, const char *file, unsigned line,
                        const char *message) {
        if (line > 0)
                log_line(level, "%s:%u: %s", file, line, message);
        else
                log_line(level, "%s: %s", file, message);
}

int verb_read_config(int root_fd, Config *ret) {
        return config_read(root_fd, log_problem, NULL, ret);
}
