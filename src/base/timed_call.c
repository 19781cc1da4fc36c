/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See timed_call.h. */

#include "base/timed_call.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/poll_until.h"

/* Children at the same time. */
#define BATCH_MAX ((size_t) 64)

/* mmap(2) refuses a size of 0. */
void *timed_call_allocate(size_t size) {
        void *shared =
                mmap(NULL, size + !size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        return shared == MAP_FAILED ? NULL : shared;
}

void timed_call_free(void *shared, size_t size) {
        if (shared)
                (void) munmap(shared, size + !size);
}

/* SIGKILL alone ends a child early: the alarm that limits the survey is the parent's. */
static pid_t start_child(TimedItemFunction function, void *shared, size_t i) {
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        (void) signal(SIGALRM, SIG_IGN);
        function(shared, i);
        _exit(EXIT_SUCCESS);
}

/* options: 0 or WNOHANG. 0, -EIO, or -ETIMEDOUT if the child has not exited. */
static int reap_child(pid_t pid, int options) {
        pid_t reaped;
        int status;

        do
                reaped = waitpid(pid, &status, options);
        while (reaped < 0 && errno == EINTR);
        if (reaped < 0)
                return -errno;
        if (reaped == 0)
                return -ETIMEDOUT;
        return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -EIO;
}

/* A child that the kernel holds can't be reaped here: init reaps it later. */
static int end_child(pid_t pid) {
        int r = reap_child(pid, WNOHANG);

        if (r != -ETIMEDOUT)
                return r;
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, WNOHANG);
        return -ETIMEDOUT;
}

/* results[i] becomes 0 or why call i did not return: -ETIMEDOUT, -EIO or the -errno of fork(2). */
static int call_batch(TimedItemFunction function, void *shared, size_t first, size_t n,
                      usec_t timeout_usec, int results[static BATCH_MAX]) {
        usec_t deadline = usec_now() + timeout_usec;
        pid_t pids[BATCH_MAX];
        bool have_exited;
        int ends[2];

        /* With SIGCHLD ignored waitpid(2) would tell nothing about the children. */
        (void) signal(SIGCHLD, SIG_DFL);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        for (size_t i = 0; i < n; i++) {
                pids[i] = start_child(function, shared, first + i);
                results[i] = pids[i] < 0 ? -errno : 0;
        }
        (void) close(ends[1]);
        /* Each child holds the writing end open until it exits, so the pipe ends with the last. */
        have_exited = poll_until(ends[0], deadline) > 0;
        (void) close(ends[0]);
        for (size_t i = 0; i < n; i++)
                if (pids[i] > 0)
                        results[i] = have_exited ? reap_child(pids[i], 0) : end_child(pids[i]);
        return 0;
}

int timed_call_each(TimedItemFunction function, void *shared, size_t n, usec_t timeout_usec) {
        int results[BATCH_MAX] = {}, n_missing = 0;

        for (size_t first = 0; first < n; first += BATCH_MAX) {
                size_t n_batch = n - first < BATCH_MAX ? n - first : BATCH_MAX;
                int r;

                r = call_batch(function, shared, first, n_batch, timeout_usec, results);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < n_batch; i++)
                        n_missing += results[i] < 0;
        }
        return n_missing;
}

typedef struct SingleCall {
        TimedFunction function;
        void *shared;
} SingleCall;

static void run_single_call(void *userdata, size_t i) {
        const SingleCall *call = userdata;

        call->function(call->shared);
}

int timed_call(TimedFunction function, void *shared, usec_t timeout_usec) {
        SingleCall call = { .function = function, .shared = shared };
        int results[BATCH_MAX] = {}, r;

        r = call_batch(run_single_call, &call, 0, 1, timeout_usec, results);
        return r < 0 ? r : results[0];
}
