/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libudev's monitors and udevd's queue; see uevents.h. */

#include "trial/uevents.h"

#include <libudev.h>
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>

#include "base/poll_until.h"

#define UDEV_RUN "run/udev"
/* There while udevd has anything in its queue (udev_queue_get_queue_is_empty()). */
#define UDEV_QUEUE "run/udev/queue"
/* A hundred controllers with their namespaces come at once. */
#define BUFFER_SIZE (4 * 1024 * 1024)

static const char *const source_names[2] = { "kernel", "udev" };

struct Uevents {
        struct udev *udev;
        struct udev_monitor *monitors[2];
};

static int add_monitor(Uevents *uevents, size_t i) {
        struct udev_monitor *monitor;
        int r;

        monitor = udev_monitor_new_from_netlink(uevents->udev, source_names[i]);
        if (!monitor)
                return errno > 0 ? -errno : -ENOMEM;
        uevents->monitors[i] = monitor;
        /* Without privileges the buffer stays as it is, ignoring. */
        (void) udev_monitor_set_receive_buffer_size(monitor, BUFFER_SIZE);
        r = udev_monitor_filter_add_match_subsystem_devtype(monitor, "nvme", NULL);
        if (r < 0)
                return r;
        r = udev_monitor_filter_add_match_subsystem_devtype(monitor, "block", NULL);
        return r < 0 ? r : udev_monitor_enable_receiving(monitor);
}

static void uevents_freep(Uevents **uevents) {
        (void) uevents_free(*uevents);
}

int uevents_new(Uevents **ret) {
        _cleanup_(uevents_freep) Uevents *uevents = calloc(1, sizeof(Uevents));

        if (!uevents)
                return -ENOMEM;
        uevents->udev = udev_new();
        if (!uevents->udev)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(source_names); i++) {
                int r = add_monitor(uevents, i);

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(uevents);
        return 0;
}

Uevents *uevents_free(Uevents *uevents) {
        if (!uevents)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(uevents->monitors); i++)
                udev_monitor_unref(uevents->monitors[i]);
        udev_unref(uevents->udev);
        free(uevents);
        return NULL;
}

void uevents_fds(const Uevents *uevents, int ret_fds[2]) {
        for (size_t i = 0; i < ARRAY_SIZE(uevents->monitors); i++)
                ret_fds[i] = udev_monitor_get_fd(uevents->monitors[i]);
}

/* A message that was dropped because the buffer was full makes no difference: sysfs is looked at
 * after any of them. */
void uevents_drain(Uevents *uevents) {
        for (size_t i = 0; i < ARRAY_SIZE(uevents->monitors); i++) {
                struct pollfd fd = {
                        .fd = udev_monitor_get_fd(uevents->monitors[i]),
                        .events = POLLIN,
                };

                while (poll(&fd, 1, 0) > 0)
                        udev_device_unref(udev_monitor_receive_device(uevents->monitors[i]));
        }
}

int uevents_settle(int root_fd, usec_t deadline) {
        _cleanup_close_ int fd = -1;
        char path[64], events[4096];

        if (faccessat(root_fd, UDEV_RUN "/control", F_OK, 0) < 0)
                return 1;
        fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd < 0)
                return -errno;
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d/" UDEV_RUN, root_fd);
        if (inotify_add_watch(fd, path, IN_DELETE) < 0)
                return -errno;
        while (faccessat(root_fd, UDEV_QUEUE, F_OK, 0) == 0) {
                int r = poll_until(fd, deadline);

                if (r <= 0)
                        return r;
                if (read(fd, events, sizeof(events)) < 0 && errno != EAGAIN)
                        return -errno;
        }
        return 1;
}
