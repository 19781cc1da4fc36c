/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client is libsystemd, over real sockets; PID 1 and the D-Bus daemon are processes of ours. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "trial/system_manager.h"

#define UNITS "/org/freedesktop/systemd1/unit"
#define NO_SUCH_FILE "unix:path=/nonexistent/socket"

/* Where the two sockets are. An abstract name has no directory, whose path may be too long. */
static char private_address[64], system_address[64];
static bool is_booted = true;

int sd_booted(void) {
        return is_booted;
}

/* libsystemd calls this as well, for the system bus. */
int sd_bus_set_address(sd_bus *bus, const char *address) {
        int (*real)(sd_bus *, const char *) =
                (int (*)(sd_bus *, const char *)) dlsym(RTLD_NEXT, "sd_bus_set_address");

        return real(bus,
                    STREQ(address, "unix:path=/run/systemd/private") ? private_address : address);
}

static void setup(void) {
        (void) snprintf(private_address, sizeof(private_address), "%s", NO_SUCH_FILE);
        (void) snprintf(system_address, sizeof(system_address), "%s", NO_SUCH_FILE);
}

TestSuite(system_manager, .init = setup, .timeout = 30);

/* The name of the unit with a job, as a path has it. */
static const char *unit_with_job;

static int get_job(sd_bus *bus, const char *path, const char *interface, const char *property,
                   sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        uint32_t job = STREQ(strrchr(path, '/') + 1, unit_with_job) ? 4711 : 0;

        return sd_bus_message_append(reply, "(uo)", job, job ? UNITS : "/");
}

static int say_hello(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(call, "s", ":1.1");
}

static const sd_bus_vtable unit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Job", "(uo)", get_job, 0, 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable daemon_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Hello", "", "s", say_hello, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int find_unit(sd_bus *bus, const char *path, const char *interface, void *userdata,
                     void **ret_found, sd_bus_error *error) {
        *ret_found = NULL;
        return 1;
}

static void serve(int fd) {
        sd_id128_t id = SD_ID128_NULL;
        sd_bus *bus = NULL;

        if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 ||
            sd_bus_set_server(bus, true, id) < 0 || sd_bus_start(bus) < 0 ||
            sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                     daemon_vtable, NULL) < 0 ||
            sd_bus_add_fallback_vtable(bus, NULL, UNITS, "org.freedesktop.systemd1.Unit",
                                       unit_vtable, find_unit, NULL) < 0)
                return;
        for (;;) {
                int r = sd_bus_process(bus, NULL);

                if (r < 0 || (r == 0 && sd_bus_wait(bus, UINT64_MAX) < 0))
                        return;
        }
}

/* Starts a process that answers at the socket, and ends with this one. unit: see unit_with_job; NULL:
 * it never answers. */
static void start_server(char address[static 64], const char *unit) {
        static unsigned n;
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t size;

        cr_assert(ge(int, fd, 0));
        (void) snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "system-manager-%d-%u",
                        (int) getpid(), n++);
        size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name.sun_path + 1));
        cr_assert(eq(int, bind(fd, (struct sockaddr *) &name, size), 0));
        cr_assert(eq(int, listen(fd, 8), 0));
        (void) snprintf(address, 64, "unix:abstract=%.40s", name.sun_path + 1);
        if (!unit)
                return;
        unit_with_job = unit;
        if (fork() == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                serve(accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
                _exit(EXIT_SUCCESS);
        }
        (void) close(fd);
}

static int ask(Action *ret_action) {
        (void) setenv("DBUS_SYSTEM_BUS_ADDRESS", system_address, 1);
        *ret_action = _ACTION_INVALID;
        return system_manager_pending_action(ret_action);
}

static void expect_answer(int result, Action expected) {
        Action action;
        int r = ask(&action);

        cr_expect(eq(int, r, result), "%s", strerror(-r));
        cr_expect(eq(int, (int) action, (int) expected));
}

Test(system_manager, asks_the_private_socket) {
        start_server(private_address, "systemd_2dpoweroff_2eservice");
        start_server(system_address, "systemd_2dreboot_2eservice");
        expect_answer(0, ACTION_POWEROFF);
}

Test(system_manager, finds_each_action) {
        static const char *const units[_ACTION_MAX] = {
                [ACTION_REBOOT] = "systemd_2dreboot_2eservice",
                [ACTION_POWEROFF] = "systemd_2dpoweroff_2eservice",
                [ACTION_HALT] = "systemd_2dhalt_2eservice",
                [ACTION_KEXEC] = "systemd_2dkexec_2eservice",
        };

        for (Action action = 0; action < _ACTION_MAX; action++) {
                start_server(private_address, units[action]);
                expect_answer(0, action);
        }
}

Test(system_manager, no_action_is_pending) {
        start_server(private_address, "systemd_2dsuspend_2eservice");
        expect_answer(-ENOENT, _ACTION_INVALID);
}

Test(system_manager, asks_the_system_bus_where_the_private_socket_is_missing) {
        start_server(system_address, "systemd_2dkexec_2eservice");
        expect_answer(0, ACTION_KEXEC);
}

Test(system_manager, asks_the_system_bus_where_the_private_socket_is_stale) {
        start_server(system_address, "systemd_2dkexec_2eservice");
        (void) snprintf(private_address, sizeof(private_address), "unix:abstract=no-such-%d",
                        (int) getpid());
        expect_answer(0, ACTION_KEXEC);
}

/* A rehearsal goes on only after -ENOENT: no answer must not be taken for "nothing is pending". */
Test(system_manager, a_systemd_without_a_socket_gives_no_answer) {
        expect_answer(-ENOTCONN, _ACTION_INVALID);
}

/* A D-Bus daemon runs beside other inits, too, and knows no systemd. */
Test(system_manager, another_init_is_not_asked) {
        start_server(system_address, "systemd_2dreboot_2eservice");
        is_booted = false;
        expect_answer(-ENOENT, _ACTION_INVALID);
}

Test(system_manager, does_not_wait_for_a_mute_manager) {
        usec_t begin = usec_now();

        start_server(private_address, NULL);
        expect_answer(-ETIMEDOUT, _ACTION_INVALID);
        cr_expect(lt(u64, usec_now(), begin + 20 * USEC_PER_SEC));
}
