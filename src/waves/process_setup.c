/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See process_setup.h. */

#include "waves/process_setup.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/log.h"

#define ADMIN_TIMEOUT_SECONDS 5
#define RCU_EXPEDITED "sys/kernel/rcu_expedited"
#define RCU_NORMAL "sys/kernel/rcu_normal"

/* 0 too where it is no more than that already; -errno. */
static int lower(int root_fd, const char *path, unsigned limit) {
        _cleanup_free_ char *text = NULL;
        char value[16];
        int r;

        r = file_read(root_fd, path, &text);
        if (r < 0)
                return r;
        if (strtoul(text, NULL, 10) <= limit)
                return 0;
        (void) snprintf(value, sizeof(value), "%u", limit);
        return file_write(root_fd, path, value);
}

static void limit_module(int root_fd) {
        int r = lower(root_fd, "sys/module/nvme_core/parameters/admin_timeout",
                      ADMIN_TIMEOUT_SECONDS);

        if (r < 0)
                log_debug("Could not limit nvme_core.admin_timeout, ignoring: %s", strerror(-r));
}

/* By address and name, so that it is the controller that was surveyed, or none. The parent does it
 * for all: no worker runs for one that is left without a Flush, and the kernel's pass meets it. */
static void limit_controllers(int root_fd, const Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                char path[PATH_MAX];
                int r;

                if (d->kind != DEVICE_CONTROLLER)
                        continue;
                (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/nvme/%s/admin_timeout",
                                d->address, d->controller->name);
                r = lower(root_fd, path, ADMIN_TIMEOUT_SECONDS * 1000);
                /* before 7.2; one behind a network, which the kernel's pass does not wait for */
                if (r < 0 && r != -ENOENT)
                        log_debug("Could not limit admin_timeout of %s, ignoring: %s",
                                  d->controller->name, strerror(-r));
        }
}

static bool is_on(int root_fd, const char *path) {
        _cleanup_free_ char *text = NULL;

        return file_read(root_fd, path, &text) >= 0 && !STREQ(text, "0");
}

/* Whether that makes a difference: not where it was so before, nor under rcu_normal. */
static bool expedite_rcu(int root_fd) {
        bool was_on = is_on(root_fd, RCU_EXPEDITED) || is_on(root_fd, RCU_NORMAL);
        int r = file_write(root_fd, RCU_EXPEDITED, "1");

        if (r < 0)
                log_debug("Could not expedite RCU, ignoring: %s", strerror(-r));
        return r >= 0 && !was_on;
}

bool process_setup_apply(int root_fd, const Topology *topology) {
        bool is_rcu_expedited;

        /* What was never needed is not worth reading in. */
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                log_debug("Could not lock memory, ignoring: %s", strerror(errno));
        if (setpriority(PRIO_PROCESS, 0, PRIO_MIN) < 0)
                log_debug("Could not raise the priority, ignoring: %s", strerror(errno));
        is_rcu_expedited = expedite_rcu(root_fd);
        limit_module(root_fd);
        limit_controllers(root_fd, topology);
        return is_rcu_expedited;
}
