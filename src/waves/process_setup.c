/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Locking, priority and kernel parameters; see process_setup.h. */

#include "waves/process_setup.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/log.h"

#define ADMIN_TIMEOUT_SECONDS 5
#define RCU_EXPEDITED "sys/kernel/rcu_expedited"
#define RCU_NORMAL "sys/kernel/rcu_normal"

/* Returns 0, even if the value was low enough already; or -errno. */
static int lower_value(int root_fd, const char *path, unsigned limit) {
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

static void limit_module_timeout(int root_fd) {
        int r = lower_value(root_fd, "sys/module/nvme_core/parameters/admin_timeout",
                            ADMIN_TIMEOUT_SECONDS);

        if (r < 0)
                log_debug("Could not limit nvme_core.admin_timeout, ignoring: %s", strerror(-r));
}

/* The path has both address and name, so it leads to the controller that was surveyed or to none.
 * The parent does this for all controllers: one that is left without a Flush has no worker. */
static void limit_controller_timeouts(int root_fd, const Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                _cleanup_close_ int controller_fd = -1;
                char path[PATH_MAX];
                int r;

                if (d->kind != DEVICE_CONTROLLER)
                        continue;
                (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/nvme/%s", d->address,
                                d->controller->name);
                controller_fd = file_open(root_fd, path, O_PATH | O_DIRECTORY);
                /* It is gone; or it is on a network, and the kernel's pass does not wait for it. */
                if (controller_fd < 0)
                        continue;
                r = lower_value(controller_fd, "admin_timeout", ADMIN_TIMEOUT_SECONDS * 1000);
                /* A kernel before 7.2: no other controller has this attribute either. */
                if (r == -ENOENT && file_exists(controller_fd, "serial"))
                        return;
                if (r < 0 && r != -ENOENT)
                        log_debug("Could not limit admin_timeout of %s, ignoring: %s",
                                  d->controller->name, strerror(-r));
        }
}

static bool is_switched_on(int root_fd, const char *path) {
        _cleanup_free_ char *text = NULL;

        return file_read(root_fd, path, &text) >= 0 && !STREQ(text, "0");
}

/* Returns whether that changes anything: it does not if RCU was expedited before, or if rcu_normal
 * overrides it. */
static bool expedite_rcu(int root_fd) {
        bool has_no_effect =
                is_switched_on(root_fd, RCU_EXPEDITED) || is_switched_on(root_fd, RCU_NORMAL);
        int r = file_write(root_fd, RCU_EXPEDITED, "1");

        if (r < 0) {
                log_debug("Could not expedite RCU, ignoring: %s", strerror(-r));
                return false;
        }
        return !has_no_effect;
}

bool process_setup_apply(int root_fd, const Topology *topology) {
        bool is_rcu_expedited;

        /* MCL_ONFAULT: pages that are never touched are not worth reading in. */
        if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
                log_debug("Could not lock memory, ignoring: %s", strerror(errno));
        if (setpriority(PRIO_PROCESS, 0, PRIO_MIN) < 0)
                log_debug("Could not raise the priority, ignoring: %s", strerror(errno));
        is_rcu_expedited = expedite_rcu(root_fd);
        limit_module_timeout(root_fd);
        limit_controller_timeouts(root_fd, topology);
        return is_rcu_expedited;
}
