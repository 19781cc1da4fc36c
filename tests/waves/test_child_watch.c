/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nothing asserts in a child: Criterion would wait for it forever. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "waves/child_watch.h"

#define LONG (10 * USEC_PER_SEC)

static ChildWatch watch = CHILD_WATCH_INIT;

static void setup(void) {
        cr_assert(eq(int, child_watch_init(&watch), 0));
}

static void teardown(void) {
        child_watch_done(&watch);
}

TestSuite(child_watch, .init = setup, .fini = teardown, .timeout = 20);

static pid_t start_child(bool ends) {
        pid_t pid = fork();

        cr_assert(ge(int, pid, 0));
        if (pid > 0)
                return pid;
        (void) alarm(15); /* in case the test fails */
        if (!ends)
                for (;;)
                        (void) pause();
        _exit(0);
}

static int wait_number(usec_t patience, uint64_t *number) {
        return child_watch_wait(&watch, usec_now() + patience, number);
}

Test(child_watch, returns_the_child_that_has_exited) {
        int slow = child_watch_add(&watch, start_child(false), 3);
        int quick = child_watch_add(&watch, start_child(true), 4);
        uint64_t number = 0;

        cr_assert(slow >= 0 && quick >= 0);
        cr_assert(eq(int, wait_number(LONG, &number), CHILD_WATCH_ENDED));
        cr_expect(eq(u64, number, 4));
        cr_expect(eq(int, child_watch_remove(&watch, quick), -1));
        cr_expect(eq(int, wait_number(USEC_PER_MSEC, &number), CHILD_WATCH_TIMEOUT));
        (void) child_watch_remove(&watch, slow);
}

/* A later child has a copy of the pidfd: if it were closed without being removed, the exit would be
 * reported again. */
Test(child_watch, does_not_report_a_child_that_was_removed) {
        pid_t pid = start_child(true);
        int fd = child_watch_add(&watch, pid, 7);
        uint64_t number = 0;

        cr_assert(ge(int, fd, 0));
        (void) start_child(false);
        cr_assert(eq(int, wait_number(LONG, &number), CHILD_WATCH_ENDED));
        (void) child_watch_remove(&watch, fd);
        cr_expect(eq(int, wait_number(100 * USEC_PER_MSEC, &number), CHILD_WATCH_TIMEOUT));
}

Test(child_watch, waits_no_longer_than_the_deadline_and_no_shorter) {
        usec_t begin = usec_now();
        uint64_t number;

        cr_expect(eq(int, wait_number(200 * USEC_PER_MSEC, &number), CHILD_WATCH_TIMEOUT));
        cr_expect(ge(u64, usec_now(), begin + 200 * USEC_PER_MSEC));
        cr_expect(eq(int, child_watch_wait(&watch, 0, &number), CHILD_WATCH_TIMEOUT));
}

Test(child_watch, an_exit_takes_precedence_over_a_signal_which_stays) {
        int quick = child_watch_add(&watch, start_child(true), 5);
        uint64_t number = 0;

        cr_assert(ge(int, quick, 0));
        cr_assert(eq(int, wait_number(LONG, &number), CHILD_WATCH_ENDED));
        (void) kill(getpid(), SIGTERM);
        (void) kill(getpid(), SIGINT);
        cr_expect(eq(int, wait_number(LONG, &number), CHILD_WATCH_ENDED));
        cr_expect(not(watch.is_told_to_stop));
        (void) child_watch_remove(&watch, quick);
        for (int i = 0; i < 2; i++)
                cr_expect(eq(int, wait_number(LONG, &number), CHILD_WATCH_SIGNAL));
        cr_expect(watch.is_told_to_stop);
}

Test(child_watch, a_childs_status_is_kept_even_if_our_parent_ignored_sigchld) {
        ChildWatch other = CHILD_WATCH_INIT;
        int status = -1;
        pid_t pid;

        (void) signal(SIGCHLD, SIG_IGN);
        cr_assert(eq(int, child_watch_init(&other), 0));
        pid = start_child(true);
        cr_expect(eq(int, waitpid(pid, &status, 0), pid));
        cr_expect(eq(int, status, 0));
        child_watch_done(&other);
}

Test(child_watch, without_descriptors_no_child_is_watched) {
        struct rlimit limit;
        ChildWatch none = CHILD_WATCH_INIT;
        pid_t pid = start_child(true);
        int added, made;

        cr_assert(eq(int, getrlimit(RLIMIT_NOFILE, &limit), 0));
        cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &(struct rlimit){ .rlim_max = limit.rlim_max }),
                     0));
        added = child_watch_add(&watch, pid, 1);
        made = child_watch_init(&none);
        cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &limit), 0));
        cr_expect(eq(int, added, -EMFILE));
        cr_expect(eq(int, made, -EMFILE));
        cr_expect(eq(int, none.epoll_fd, -1));
        cr_expect(eq(int, child_watch_remove(&watch, -1), -1));
}

static void write_event(void) {
        const uint64_t one = 1;

        cr_assert(eq(sz, (size_t) write(watch.event_fd, &one, sizeof(one)), sizeof(one)));
}

Test(child_watch, returns_an_event_once) {
        uint64_t number;

        cr_assert(eq(int, child_watch_add_event(&watch), 0));
        cr_expect(eq(int, wait_number(USEC_PER_MSEC, &number), CHILD_WATCH_TIMEOUT));
        write_event();
        write_event();
        cr_expect(eq(int, wait_number(LONG, &number), CHILD_WATCH_EVENT));
        cr_expect(eq(int, wait_number(USEC_PER_MSEC, &number), CHILD_WATCH_TIMEOUT));
}

Test(child_watch, an_exit_takes_precedence_over_an_event) {
        pid_t pid = start_child(true);
        int fd = child_watch_add(&watch, pid, 5);
        uint64_t number = 0;
        siginfo_t info;

        cr_assert(eq(int, child_watch_add_event(&watch), 0));
        cr_assert(eq(int, waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0));
        write_event();
        cr_expect(eq(int, wait_number(LONG, &number), CHILD_WATCH_ENDED));
        cr_expect(eq(u64, number, 5));
        (void) child_watch_remove(&watch, fd);
        cr_expect(eq(int, wait_number(LONG, &number), CHILD_WATCH_EVENT));
}
