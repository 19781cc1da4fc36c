/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>
#include <pthread.h>
#include <umockdev.h>

#include "base/poll_until.h"
#include "mock_nvme.h"
#include "trial/uevents.h"

static Uevents *uevents;

static void setup(void) {
        mock_start();
        (void) mock_add_nvme(mock_add_host_bridge(NULL, "pci0000:00"), "0000:00:01.0", "nvme0");
        cr_assert(eq(int, uevents_new(&uevents), 0));
}

static void teardown(void) {
        uevents = uevents_free(uevents);
        mock_stop();
}

TestSuite(uevents, .init = setup, .fini = teardown, .timeout = 20);

static int wait_for(usec_t usec) {
        int fds[2];

        uevents_fds(uevents, fds);
        return poll_until(fds[0], usec_now() + usec);
}

Test(uevents, wakes_when_a_controller_appears_and_can_be_drained) {
        cr_expect(eq(int, wait_for(50 * USEC_PER_MSEC), 0));
        mock_uevent("sys/devices/pci0000:00/0000:00:01.0/nvme/nvme0", "add");
        cr_expect(eq(int, wait_for(5 * USEC_PER_SEC), 1));
        uevents_drain(uevents);
        cr_expect(eq(int, wait_for(50 * USEC_PER_MSEC), 0));
}

Test(uevents, without_udevd_there_is_nothing_to_wait_for) {
        fake_root_write("run/udev/queue", "");
        cr_expect(eq(int, uevents_settle(root_fd, 0), 1));
}

Test(uevents, an_empty_queue_is_settled) {
        fake_root_write("run/udev/control", "");
        cr_expect(eq(int, uevents_settle(root_fd, 0), 1));
}

Test(uevents, waits_for_the_queue_until_the_deadline) {
        usec_t deadline = usec_now() + 200 * USEC_PER_MSEC;

        fake_root_write("run/udev/control", "");
        fake_root_write("run/udev/queue", "");
        cr_expect(eq(int, uevents_settle(root_fd, deadline), 0));
        cr_expect(ge(u64, usec_now(), deadline));
}

static void *empty_the_queue(void *unused) {
        (void) usleep(100 * 1000);
        fake_root_remove("run/udev/queue");
        return NULL;
}

Test(uevents, wakes_when_the_queue_is_empty) {
        usec_t started = usec_now();
        pthread_t thread;

        fake_root_write("run/udev/control", "");
        fake_root_write("run/udev/queue", "");
        cr_assert(eq(int, pthread_create(&thread, NULL, empty_the_queue, NULL), 0));
        cr_expect(eq(int, uevents_settle(root_fd, started + 10 * USEC_PER_SEC), 1));
        cr_expect(lt(u64, usec_now() - started, 5 * USEC_PER_SEC));
        (void) pthread_join(thread, NULL);
}
