/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pidfds and a signalfd in one epoll set; see child_watch.h. */

#include "waves/child_watch.h"

#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "base/pidfd.h"

#define SIGNAL_NUMBER UINT64_MAX
#define EVENT_NUMBER (UINT64_MAX - 1)

static int add_descriptor(const ChildWatch *watch, int fd, uint64_t number) {
        struct epoll_event event = { .events = EPOLLIN, .data.u64 = number };

        return epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int child_watch_init(ChildWatch *watch) {
        _cleanup_child_watch_ ChildWatch w = CHILD_WATCH_INIT;
        sigset_t mask;
        int r;

        /* Our caller may have left it ignored, and then the kernel keeps no exit status of a child
         * (wait(2)). */
        (void) signal(SIGCHLD, SIG_DFL);
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGTERM);
        (void) sigaddset(&mask, SIGINT);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        w.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (w.epoll_fd < 0)
                return -errno;
        w.signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        if (w.signal_fd < 0)
                return -errno;
        r = add_descriptor(&w, w.signal_fd, SIGNAL_NUMBER);
        if (r < 0)
                return r;
        *watch = TAKE(w, CHILD_WATCH_INIT);
        return 0;
}

void child_watch_done(ChildWatch *watch) {
        close_fd(&watch->epoll_fd);
        close_fd(&watch->signal_fd);
        close_fd(&watch->event_fd);
        *watch = CHILD_WATCH_INIT;
}

int child_watch_add_event(ChildWatch *watch) {
        watch->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return watch->event_fd < 0 ? -errno : add_descriptor(watch, watch->event_fd, EVENT_NUMBER);
}

int child_watch_add(ChildWatch *watch, pid_t pid, uint64_t number) {
        int fd = pidfd_of(pid), r;

        if (fd < 0)
                return fd;
        r = add_descriptor(watch, fd, number);
        if (r < 0) {
                (void) close(fd);
                return r;
        }
        return fd;
}

int child_watch_remove(const ChildWatch *watch, int fd) {
        if (fd < 0)
                return -1;
        /* Closing it is not enough: children that were forked in the meantime have a copy, which
         * keeps it in the set (epoll(7), Q6). */
        (void) epoll_ctl(watch->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        (void) close(fd);
        return -1;
}

/* Picks the one that takes precedence. */
static int judge_events(ChildWatch *watch, const struct epoll_event *events, int n,
                        uint64_t *ret_number) {
        uint64_t count;

        for (int i = 0; i < n; i++)
                if (events[i].data.u64 < EVENT_NUMBER) {
                        *ret_number = events[i].data.u64;
                        return CHILD_WATCH_ENDED;
                }
        /* The signal is not read from its descriptor, so the next call sees it as well. */
        for (int i = 0; i < n; i++)
                if (events[i].data.u64 == SIGNAL_NUMBER) {
                        watch->is_told_to_stop = true;
                        return CHILD_WATCH_SIGNAL;
                }
        return read(watch->event_fd, &count, sizeof(count)) < 0 ? -errno : CHILD_WATCH_EVENT;
}

int child_watch_wait(ChildWatch *watch, usec_t deadline, uint64_t *ret_number) {
        for (;;) {
                usec_t now = usec_now(), left = deadline > now ? deadline - now : 0;
                usec_t msec = (left + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
                struct epoll_event events[3]; /* so that signal and event never hide an exit */
                int n;

                n = epoll_wait(watch->epoll_fd, events, ARRAY_SIZE(events),
                               msec > INT_MAX ? INT_MAX : (int) msec);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        return judge_events(watch, events, n, ret_number);
                if (n == 0 && left == 0)
                        return CHILD_WATCH_TIMEOUT;
        }
}
