/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See rtd3e.h. */

#include "rtd3e.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "nvme_ctrl.h"
#include "text.h"

/* Processes at the same time. */
#define BATCH 64

/* In shared memory: what a process found out. */
typedef struct Answer {
        bool is_known;
        usec_t rtd3e_usec;
        size_t device;
} Answer;

static void ask(int root_fd, const Controller *c, Answer *answer) {
        NvmeIdentity identity;
        char path[64];
        int fd;

        (void) snprintf(path, sizeof(path), "dev/%.40s", c->name);
        fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || controller_identify(fd, &identity) < 0)
                return;
        text_clean_attribute(identity.serial);
        if (c->serial && !STREQ(identity.serial, c->serial))
                return;
        answer->rtd3e_usec = identity.rtd3e_usec;
        answer->is_known = true;
}

/* Each process holds the pipe open for writing, so that its end is the end of the last one. */
static void wait_for_all(int fd, usec_t deadline) {
        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                usec_t now = usec_now();
                int timeout = now >= deadline ? 0 : (int) ((deadline - now) / USEC_PER_MSEC) + 1;

                if (poll(&p, 1, timeout) >= 0 || errno != EINTR)
                        return;
        }
}

/* One that hangs in the kernel can't be reaped; when we end it is init's. */
static void end_batch(const pid_t *pids, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (pids[i] <= 0 || waitpid(pids[i], NULL, WNOHANG) != 0)
                        continue;
                (void) kill(pids[i], SIGKILL);
                (void) waitpid(pids[i], NULL, WNOHANG);
        }
}

static int ask_batch(int root_fd, usec_t timeout_usec, Topology *topology, Answer *answers,
                     size_t n) {
        pid_t pids[BATCH];
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        for (size_t i = 0; i < n; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        ask(root_fd, topology->devices[answers[i].device].controller, &answers[i]);
                        _exit(EXIT_SUCCESS);
                }
        }
        (void) close(ends[1]);
        wait_for_all(ends[0], usec_now() + timeout_usec);
        (void) close(ends[0]);
        end_batch(pids, n);
        return 0;
}

static bool can_be_asked(const Device *device) {
        const Controller *c = device->controller;

        return device->kind == DEVICE_CONTROLLER && c->state && STREQ(c->state, "live");
}

int rtd3e_read(int root_fd, usec_t timeout_usec, Topology *topology) {
        size_t size = BATCH * sizeof(Answer), next = 0;
        Answer *answers;
        int n_unknown = 0, r = 0;

        answers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (answers == MAP_FAILED)
                return -errno;
        while (r >= 0 && next < topology->n_devices) {
                size_t n = 0;

                memset(answers, 0, size);
                for (; next < topology->n_devices && n < BATCH; next++)
                        if (can_be_asked(&topology->devices[next]))
                                answers[n++].device = next;
                        else
                                n_unknown += topology->devices[next].controller != NULL;
                if (n > 0)
                        r = ask_batch(root_fd, timeout_usec, topology, answers, n);
                for (size_t i = 0; i < n; i++) {
                        topology->devices[answers[i].device].controller->rtd3e_usec =
                                answers[i].rtd3e_usec;
                        n_unknown += !answers[i].is_known;
                }
        }
        (void) munmap(answers, size);
        return r < 0 ? r : n_unknown;
}
