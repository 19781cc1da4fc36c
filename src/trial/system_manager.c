/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd's jobs by sd-bus; see system_manager.h. */

#include "trial/system_manager.h"

#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#define PRIVATE_ADDRESS "unix:path=/run/systemd/private"
#define ANSWER_USEC (5 * USEC_PER_SEC)

/* Returns 1 if the unit of that action has a job, 0 if not, or -errno. */
static int has_job(sd_bus *bus, Action action) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *path = NULL;
        char unit[64];
        uint32_t job;
        int r;

        (void) snprintf(unit, sizeof(unit), "systemd-%s.service", action_to_string(action));
        r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);
        if (r < 0)
                return r;
        r = sd_bus_get_property(bus, "org.freedesktop.systemd1", path,
                                "org.freedesktop.systemd1.Unit", "Job", NULL, &reply, "(uo)");
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "(uo)", &job, NULL);
        if (r < 0)
                return r;
        return job != 0;
}

static int connect_privately(sd_bus **ret) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, PRIVATE_ADDRESS);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

/* Authenticates. Without this the first call does, and that waits for 90 s (BUS_AUTH_TIMEOUT in
 * sd-bus/bus-internal.h). Returns 0 or -errno. */
static int wait_until_ready(sd_bus *bus, usec_t deadline) {
        for (;;) {
                usec_t now = usec_now();
                int r = sd_bus_is_ready(bus);

                if (r != 0)
                        return r < 0 ? r : 0;
                r = sd_bus_process(bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                if (now >= deadline)
                        return -ETIMEDOUT;
                r = sd_bus_wait(bus, deadline - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
}

static int connect_manager(sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r = connect_privately(&bus);

        if (r == -ENOENT || r == -ECONNREFUSED)
                r = sd_bus_open_system(&bus);
        if (r < 0)
                return r;
        r = wait_until_ready(bus, usec_now() + ANSWER_USEC);
        if (r < 0)
                return r;
        r = sd_bus_set_method_call_timeout(bus, ANSWER_USEC);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

int system_manager_pending_action(Action *ret_action) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r = sd_booted();

        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        r = connect_manager(&bus);
        /* systemd has neither socket: that is no answer, and -ENOENT would be one. */
        if (r == -ENOENT)
                return -ENOTCONN;
        if (r < 0)
                return r;
        for (Action action = 0; action < _ACTION_MAX; action++) {
                r = has_job(bus, action);
                if (r < 0)
                        return r;
                if (r > 0) {
                        *ret_action = action;
                        return 0;
                }
        }
        return -ENOENT;
}
