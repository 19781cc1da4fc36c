/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <syslog.h>

#include "base/log.h"
#include "fake_root.h"
#include "topology_builder.h"
#include "waves/process_setup.h"

#define ADMIN_TIMEOUT "sys/module/nvme_core/parameters/admin_timeout"
#define FIRST "sys/bus/pci/devices/0000:01:00.0/nvme/nvme0/admin_timeout"
#define SECOND "sys/bus/pci/devices/0000:02:00.0/nvme/nvme1/admin_timeout"

static Topology topology;
static int locked_flags, priority;

int mlockall(int flags) {
        locked_flags = flags;
        return 0;
}

int setpriority(__priority_which_t which, id_t who, int value) {
        cr_assert(which == PRIO_PROCESS && who == 0);
        priority = value;
        errno = EACCES;
        return -1;
}

/* nvme0 is idle, nvme1 is left. */
static void setup(void) {
        fake_root_start();
        (void) build_bridge(&topology, DEVICE_BRIDGE, "0000:00:00.0", NULL);
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", "0000:00:00.0");
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", "0000:00:00.0");
        (void) build_foreign(&topology, "0000:03:00.0", "0000:00:00.0", "vfio-pci");
        build_use(&topology, "0000:02:00.0", USE_ROOT, "mounted on /");
}

static void teardown(void) {
        topology_done(&topology);
        fake_root_done();
}

TestSuite(process_setup, .init = setup, .fini = teardown);

static char *timeout_after(const char *before) {
        fake_root_write(ADMIN_TIMEOUT, before);
        (void) process_setup_apply(root_fd, &topology);
        return fake_root_read(ADMIN_TIMEOUT);
}

Test(process_setup, limits_the_admin_timeout) {
        char *after = timeout_after("60\n");

        /* In a plain file the "0" after the new value stays. */
        cr_expect(eq(str, after, "50\n"));
        free(after);
}

Test(process_setup, keeps_a_shorter_admin_timeout) {
        char *after = timeout_after("3\n");

        cr_expect(eq(str, after, "3\n"));
        free(after);
}

static void expect_own(const char *path, const char *expected) {
        char *text = fake_root_read(path);

        cr_expect(eq(str, text, (char *) expected));
        free(text);
}

/* From 7.2 on the module's parameter does not reach a bound controller. In milliseconds. */
Test(process_setup, limits_the_admin_timeout_of_each_controller) {
        fake_root_write(FIRST, "60000\n");
        fake_root_write(SECOND, "60000\n");
        (void) process_setup_apply(root_fd, &topology);
        expect_own(FIRST, "50000\n");
        expect_own(SECOND, "50000\n");
}

Test(process_setup, keeps_a_controllers_shorter_admin_timeout) {
        fake_root_write(FIRST, "4999\n");
        fake_root_write(SECOND, "5001\n");
        (void) process_setup_apply(root_fd, &topology);
        expect_own(FIRST, "4999\n");
        expect_own(SECOND, "5000\n");
}

/* It is in every other kernel, too, or in none. */
Test(process_setup, looks_at_one_controller_only_if_the_kernel_has_no_such_attribute) {
        fake_root_write("sys/bus/pci/devices/0000:01:00.0/nvme/nvme0/serial", "S1\n");
        fake_root_write(SECOND, "60000\n");
        (void) process_setup_apply(root_fd, &topology);
        expect_own(SECOND, "60000\n");
}

Test(process_setup, a_controller_that_is_gone_does_not_end_the_search) {
        fake_root_write(SECOND, "60000\n");
        (void) process_setup_apply(root_fd, &topology);
        expect_own(SECOND, "50000\n");
}

/* The directory of a removed device has no file at all. */
Test(process_setup, a_controller_that_goes_meanwhile_does_not_end_the_search) {
        fake_root_write("sys/bus/pci/devices/0000:01:00.0/nvme/nvme0/x/x", "");
        fake_root_write(SECOND, "60000\n");
        (void) process_setup_apply(root_fd, &topology);
        expect_own(SECOND, "50000\n");
}

static char *log_of_settings(void) {
        static char text[4096];
        size_t n = 0;
        ssize_t k;
        int pair[2];

        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0));
        (void) log_open(LOG_TARGET_STDERR, LOG_DEBUG);
        log_set_kmsg_fd(pair[0]);
        (void) process_setup_apply(root_fd, &topology);
        while ((k = recv(pair[1], text + n, sizeof(text) - n - 1, 0)) > 0)
                n += (size_t) k;
        text[n] = '\0';
        log_close();
        (void) close(pair[1]);
        return text;
}

/* The kernel returns EBUSY until the controller has been live once. */
Test(process_setup, a_controller_that_can_not_be_limited_is_logged_and_the_next_is_limited) {
        fake_root_write(FIRST "/x", "");
        fake_root_write(SECOND, "60000\n");
        cr_expect(ne(ptr, strstr(log_of_settings(), "admin_timeout of nvme0, ignoring: Is a dir"),
                     NULL));
        expect_own(SECOND, "50000\n");
}

/* Up to 7.1 controllers have no such attribute; the first one here goes meanwhile. */
Test(process_setup, a_missing_attribute_is_not_logged) {
        fake_root_write("sys/bus/pci/devices/0000:01:00.0/nvme/nvme0/x/x", "");
        fake_root_write("sys/bus/pci/devices/0000:02:00.0/nvme/nvme1/serial", "S2\n");
        cr_expect(eq(ptr, strstr(log_of_settings(), "admin_timeout of"), NULL));
}

Test(process_setup, expedites_rcu) {
        char *after;

        fake_root_write("sys/kernel/rcu_expedited", "0\n");
        fake_root_write("sys/kernel/rcu_normal", "0\n");
        cr_expect(process_setup_apply(root_fd, &topology));
        after = fake_root_read("sys/kernel/rcu_expedited");
        cr_expect(eq(str, after, "1\n"));
        free(after);
}

Test(process_setup, rcu_that_was_expedited_before_does_not_count) {
        fake_root_write("sys/kernel/rcu_expedited", "1\n");
        cr_expect(not(process_setup_apply(root_fd, &topology)));
        fake_root_remove("sys/kernel/rcu_expedited");
        fake_root_write("sys/kernel/rcu_expedited", "0\n");
        fake_root_write("sys/kernel/rcu_normal", "1\n");
        cr_expect(not(process_setup_apply(root_fd, &topology)));
}

Test(process_setup, missing_parameters_and_rights_are_ignored) {
        cr_expect(not(process_setup_apply(root_fd, &topology)));
        cr_expect(eq(int, locked_flags, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
        cr_expect(eq(int, priority, PRIO_MIN));
}
