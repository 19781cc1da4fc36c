/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processes are real; the kernel is write(2) to bind, in the child: it changes the fake sysfs
 * and sends its event through a pipe. Nothing asserts in a child: Criterion would wait for it
 * forever. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fake_root.h"
#include "topology_builder.h"
#include "trial/rebind.h"
#include "trial/uevents.h"

#define N 4
#define BIND "sys/bus/pci/drivers/nvme/bind"

static const char *const addresses[N] = { "0000:01:00.0", "0000:02:00.0", "0000:03:00.0",
                                          "0000:04:00.0" };
/* By address: not the order of the names. */
static const char *const names[N] = { "nvme10", "nvme2", "nvme9", "nvme11" };

static struct Behaviour {
        int error;           /* of write(2) */
        unsigned delay_msec; /* until write(2) returns */
        bool is_late_named;  /* the name comes after that delay only, as in a driver that is busy */
        bool gives_up;       /* the driver lets go again */
        bool vanishes;
        bool never_live;
        bool lacks_namespace;
        bool has_other_serial;
        bool is_silent; /* sends no event */
        const char *new_name;
} behaviours[N];

static Topology topology;
static Rebind *rebind;
static RebindResult results[N];
static bool wanted[N];
static int events[2];
static unsigned n_forks, n_failing_forks;
static pid_t pids[N];
/* Where each write(2) to bind waits for end_together(), if the test has opened it. */
static int gate[2] = { -1, -1 };

struct Uevents {
        int unused;
};

int uevents_new(Uevents **ret) {
        *ret = calloc(1, sizeof(Uevents));
        return *ret && pipe2(events, O_NONBLOCK | O_CLOEXEC) == 0 ? 0 : -ENOMEM;
}

Uevents *uevents_free(Uevents *uevents) {
        free(uevents);
        return NULL;
}

void uevents_fds(const Uevents *uevents, int ret_fds[2]) {
        ret_fds[0] = events[0];
        ret_fds[1] = dup(events[0]);
}

/* Lets all processes exit, and leaves an event too: afterwards every descriptor of the loop is
 * ready. */
static void end_together(void) {
        siginfo_t si;

        (void) close(gate[1]);
        gate[1] = -1;
        for (size_t i = 0; i < N; i++)
                (void) waitid(P_PID, (id_t) pids[i], &si, WEXITED | WNOWAIT);
        (void) syscall(SYS_write, events[1], "e", 1);
}

void uevents_drain(Uevents *uevents) {
        char byte;

        while (read(events[0], &byte, 1) > 0)
                ;
        if (gate[1] >= 0 && n_forks == N)
                end_together();
}

pid_t fork(void) {
        if (n_failing_forks > 0) {
                n_failing_forks--;
                errno = EAGAIN;
                return -1;
        }
        pids[n_forks % N] = (pid_t) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        return pids[n_forks++ % N];
}

static void append(const char *path, const char *text) {
        int fd = open(fake_root_path(path), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

        (void) syscall(SYS_write, fd, text, strlen(text));
        (void) close(fd);
}

static void event(const struct Behaviour *b) {
        if (!b->is_silent)
                (void) syscall(SYS_write, events[1], "e", 1);
}

static void write_attribute(size_t i, const char *name, const char *attribute, const char *text) {
        char path[200];

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/nvme/%s/%s", addresses[i], name,
                        attribute);
        fake_root_write(path, text);
}

static const char *name_of(size_t i) {
        return behaviours[i].new_name ? behaviours[i].new_name : names[i];
}

static void add_name(size_t i) {
        append("log", name_of(i));
        append("log", " ");
        write_attribute(i, name_of(i), "state", "connecting\n");
        event(&behaviours[i]);
}

static void become_usable(size_t i) {
        const struct Behaviour *b = &behaviours[i];
        char text[64], path[128];

        (void) snprintf(text, sizeof(text), "%s%s\n", b->has_other_serial ? "OTHER-" : "S-",
                        names[i]);
        write_attribute(i, name_of(i), "serial", text);
        (void) snprintf(path, sizeof(path), "%sn1/size", name_of(i));
        if (!b->lacks_namespace) {
                write_attribute(i, name_of(i), path, "2048\n");
                (void) snprintf(path, sizeof(path), "sys/class/block/%sn1/dev", name_of(i));
                (void) snprintf(text, sizeof(text), "259:%zu\n", i);
                fake_root_write(path, text);
        }
        if (!b->never_live)
                write_attribute(i, name_of(i), "state", "live\n");
        event(b);
}

static ssize_t kernel_binds(size_t i) {
        const struct Behaviour *b = &behaviours[i];
        char path[128];

        /* Whatever happens to the test, its processes do not stay. */
        (void) alarm(20);
        if (!b->is_late_named && !b->error)
                add_name(i);
        (void) usleep(b->delay_msec * 1000);
        if (gate[1] >= 0) {
                struct pollfd closed = { .fd = gate[0], .events = POLLIN };

                (void) close(gate[1]);
                (void) poll(&closed, 1, -1);
        }
        if (b->is_late_named)
                add_name(i);
        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", addresses[i]);
        if (b->vanishes)
                fake_root_remove(path);
        if (b->error) {
                errno = b->error;
                return -1;
        }
        if (!b->gives_up && !b->vanishes) {
                (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/driver", addresses[i]);
                fake_root_link(path, "../../drivers/nvme");
                become_usable(i);
        }
        return (ssize_t) strlen(addresses[i]);
}

/* A bind; all else passes. */
ssize_t write(int fd, const void *data, size_t size) {
        for (size_t i = 0; i < N; i++)
                if (size == strlen(addresses[i]) && memcmp(data, addresses[i], size) == 0)
                        return kernel_binds(i);
        return syscall(SYS_write, fd, data, size);
}

static void setup(void) {
        fake_root_start();
        fake_root_write(BIND, "");
        fake_root_write("log", "");
        for (size_t i = 0; i < N; i++) {
                char path[128];
                ssize_t block;

                (void) build_nvme(&topology, names[i], addresses[i], NULL);
                (void) snprintf(path, sizeof(path), "%sn1", names[i]);
                block = topology_add_block(&topology, BLOCK_NAMESPACE, path, 1 + i);
                cr_assert(block >= 0 &&
                          topology_link_controller(&topology, (size_t) block, i) == 0);
                (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/class", addresses[i]);
                fake_root_write(path, "0x010802\n");
                wanted[i] = true;
        }
        cr_assert(eq(int, rebind_new(root_fd, &topology, &rebind), 0));
}

static void teardown(void) {
        rebind = rebind_free(rebind);
        topology_done(&topology);
        fake_root_done();
}

TestSuite(rebind, .init = setup, .fini = teardown, .timeout = 20);

static void run(usec_t limit) {
        rebind_run(rebind, wanted, limit, results);
}

static void expect(size_t i, RebindOutcome outcome, const char *reason, const char *mend) {
        cr_expect(eq(int, results[i].outcome, outcome), "%s: %s", names[i], results[i].reason);
        cr_expect(eq(str, results[i].reason, (char *) reason));
        cr_expect(eq(str, results[i].mend, (char *) mend));
}

Test(rebind, binds_each_again) {
        run(10 * USEC_PER_SEC);
        for (size_t i = 0; i < N; i++) {
                expect(i, REBIND_DONE, "", "");
                cr_expect(eq(str, results[i].name, (char *) names[i]));
                cr_expect(gt(u64, results[i].usec, 0));
        }
        cr_expect(eq(uint, n_forks, N));
}

Test(rebind, touches_nothing_that_is_not_wanted) {
        wanted[0] = wanted[2] = wanted[3] = false;
        run(10 * USEC_PER_SEC);
        cr_expect(eq(uint, n_forks, 1));
        expect(0, REBIND_NONE, "", "");
        expect(1, REBIND_DONE, "", "");
        expect(2, REBIND_NONE, "", "");
        expect(3, REBIND_NONE, "", "");
}

/* The kernel gives each the lowest free number: the order decides who is called what. */
Test(rebind, gives_names_in_their_old_order) {
        char *log;

        for (size_t i = 0; i < N; i++) {
                behaviours[i].is_late_named = true;
                behaviours[i].delay_msec = 60;
        }
        run(10 * USEC_PER_SEC);
        log = fake_root_read("log");
        cr_expect(eq(str, log, "nvme2 nvme9 nvme10 nvme11 "));
        free(log);
}

Test(rebind, goes_on_at_the_same_time_once_they_have_their_names) {
        usec_t started = usec_now(), elapsed;

        for (size_t i = 0; i < N; i++)
                behaviours[i].delay_msec = 500;
        run(10 * USEC_PER_SEC);
        elapsed = usec_now() - started;
        cr_expect(eq(int, results[0].outcome, REBIND_DONE));
        cr_expect(lt(u64, elapsed, 1000 * USEC_PER_MSEC));
}

Test(rebind, one_that_gets_no_name_does_not_hold_the_rest_up) {
        behaviours[1].is_late_named = true;
        behaviours[1].delay_msec = 4000;
        run(2 * USEC_PER_SEC);
        expect(1, REBIND_LATE, "the kernel is still binding it (the process named nvme2)", "");
        expect(0, REBIND_DONE, "", "");
        expect(2, REBIND_DONE, "", "");
}

Test(rebind, says_what_the_kernel_answered_and_how_to_mend_it) {
        behaviours[2].error = ENODEV;
        run(10 * USEC_PER_SEC);
        expect(2, REBIND_FAILED, "writing to /" BIND ": No such device",
               "echo 0000:03:00.0 > /" BIND);
        expect(0, REBIND_DONE, "", "");
}

Test(rebind, sees_a_driver_that_gives_up) {
        behaviours[0].gives_up = true;
        run(10 * USEC_PER_SEC);
        expect(0, REBIND_FAILED, "the driver has given it up, see the kernel log",
               "echo 0000:01:00.0 > /" BIND);
}

Test(rebind, sees_a_controller_that_is_gone) {
        behaviours[0].vanishes = true;
        run(10 * USEC_PER_SEC);
        expect(0, REBIND_FAILED, "it is gone from the bus: check its power and slot, then:",
               "echo 1 > /sys/bus/pci/rescan");
}

Test(rebind, knows_the_controller_by_its_serial_number) {
        behaviours[1].has_other_serial = true;
        run(10 * USEC_PER_SEC);
        expect(1, REBIND_FAILED, "another controller is at this address: serial OTHER-nvme2", "");
}

Test(rebind, is_not_done_before_it_is_live) {
        behaviours[1].never_live = true;
        run(3 * USEC_PER_SEC);
        expect(1, REBIND_LATE, "its state is connecting, 1 of 1 namespaces are there",
               "echo 1 > /sys/class/nvme/nvme2/reset_controller");
        cr_expect(ge(u64, results[1].usec, 3 * USEC_PER_SEC));
}

Test(rebind, is_not_done_before_its_namespaces_are_there) {
        behaviours[1].lacks_namespace = true;
        run(3 * USEC_PER_SEC);
        expect(1, REBIND_LATE, "its state is live, 0 of 1 namespaces are there",
               "echo 1 > /sys/class/nvme/nvme2/reset_controller");
}

Test(rebind, tells_a_new_name) {
        behaviours[1].new_name = "nvme77";
        run(10 * USEC_PER_SEC);
        expect(1, REBIND_DONE, "", "");
        cr_expect(eq(str, results[1].name, "nvme77"));
}

Test(rebind, looks_now_and_then_even_without_events) {
        for (size_t i = 0; i < N; i++)
                behaviours[i].is_silent = true;
        behaviours[1].delay_msec = 300;
        run(10 * USEC_PER_SEC);
        expect(1, REBIND_DONE, "", "");
}

Test(rebind, tries_again_when_a_fork_fails) {
        n_failing_forks = 2;
        run(10 * USEC_PER_SEC);
        for (size_t i = 0; i < N; i++)
                expect(i, REBIND_DONE, "", "");
}

Test(rebind, says_so_when_no_process_can_be_had) {
        wanted[0] = wanted[2] = wanted[3] = false;
        n_failing_forks = UINT32_MAX;
        run(600 * USEC_PER_MSEC);
        expect(1, REBIND_FAILED,
               "no process could be started for it: Resource temporarily unavailable",
               "echo 0000:02:00.0 > /" BIND);
}

Test(rebind, leaves_no_process) {
        run(10 * USEC_PER_SEC);
        cr_expect(eq(uint, n_forks, N));
        cr_expect(eq(int, (int) waitpid(-1, NULL, WNOHANG), -1));
}

/* watch_process() says what sd-event does then. With four processes and the two descriptors of
 * uevents.h it has room for just these. */
Test(rebind, sees_each_end_when_all_end_together) {
        cr_assert(eq(int, pipe2(gate, O_CLOEXEC), 0));
        run(3 * USEC_PER_SEC);
        cr_expect(eq(int, gate[1], -1));
        for (size_t i = 0; i < N; i++)
                expect(i, REBIND_DONE, "", "");
}

/* Who has bound it meanwhile has done our work. */
Test(rebind, accepts_what_somebody_else_has_bound) {
        fake_root_link("sys/bus/pci/devices/0000:02:00.0/driver", "../../drivers/nvme");
        become_usable(1);
        run(10 * USEC_PER_SEC);
        cr_expect(eq(uint, n_forks, N - 1));
        expect(1, REBIND_DONE, "", "");
}

Test(rebind, one_that_is_held_is_not_tried) {
        rebind_set_held(&topology.devices[1], &results[1]);
        expect(1, REBIND_HELD,
               "not tried: its unbind is still under way (the process named nvme2), and bind would "
               "wait for it; when that has ended:",
               "echo 0000:02:00.0 > /" BIND);
}
