/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See last_second.h. */

#include "last_second.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include "log.h"
#include "sysfs.h"

#define ADMIN_TIMEOUT "sys/module/nvme_core/parameters/admin_timeout"
#define ADMIN_TIMEOUT_SECONDS 5
#define RCU_EXPEDITED "sys/kernel/rcu_expedited"
#define RCU_NORMAL "sys/kernel/rcu_normal"

static void limit_admin_timeout(int root_fd) {
        _cleanup_free_ char *text = NULL;
        char value[16];
        int r;

        r = sysfs_read(root_fd, ADMIN_TIMEOUT, &text);
        if (r >= 0 && strtoul(text, NULL, 10) <= ADMIN_TIMEOUT_SECONDS)
                return;
        (void) snprintf(value, sizeof(value), "%d", ADMIN_TIMEOUT_SECONDS);
        if (r >= 0)
                r = sysfs_write(root_fd, ADMIN_TIMEOUT, value);
        if (r < 0)
                log_debug("Could not limit nvme_core.admin_timeout, ignoring: %s", strerror(-r));
}

static bool is_on(int root_fd, const char *path) {
        _cleanup_free_ char *text = NULL;

        return sysfs_read(root_fd, path, &text) >= 0 && !STREQ(text, "0");
}

/* Whether that makes a difference: not where it was so before, nor under rcu_normal. */
static bool expedite_rcu(int root_fd) {
        bool was_on = is_on(root_fd, RCU_EXPEDITED) || is_on(root_fd, RCU_NORMAL);
        int r = sysfs_write(root_fd, RCU_EXPEDITED, "1");

        if (r < 0)
                log_debug("Could not expedite RCU, ignoring: %s", strerror(-r));
        return r >= 0 && !was_on;
}

bool last_second_settings(int root_fd) {
        bool is_rcu_expedited;

        /* What was never needed is not worth reading in. */
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                log_debug("Could not lock memory, ignoring: %s", strerror(errno));
        if (setpriority(PRIO_PROCESS, 0, PRIO_MIN) < 0)
                log_debug("Could not raise the priority, ignoring: %s", strerror(errno));
        is_rcu_expedited = expedite_rcu(root_fd);
        limit_admin_timeout(root_fd);
        return is_rcu_expedited;
}
