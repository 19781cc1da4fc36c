/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See timed_call.h. */

#include "base/timed_call.h"

#include <sys/mman.h>

#include "base/pidfd.h"
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

/* Of a child that has exited. 0, -EIO or the -errno of waitpid(2). */
static int reap_child(pid_t pid) {
        int status;

        if (waitpid(pid, &status, WNOHANG) != pid)
                return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -EIO;
}

/* A child that the kernel holds can't be reaped here: init reaps it later. The kernel may hold it
 * even in exit(2), where it closes the descriptors of the child. */
static int wait_for_child(pid_t pid, usec_t deadline) {
        _cleanup_close_ int fd = pidfd_of(pid);
        int r = fd < 0 ? fd : poll_until(fd, deadline);

        if (r > 0)
                return reap_child(pid);
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, WNOHANG);
        return r < 0 ? r : -ETIMEDOUT;
}

/* results[i] becomes 0 or why call i did not return: -ETIMEDOUT, -EIO, or the -errno of fork(2) or
 * pidfd_open(2). */
static void call_batch(TimedItemFunction function, void *shared, size_t first, size_t n,
                       usec_t timeout_usec, int results[static BATCH_MAX]) {
        usec_t deadline = usec_now() + timeout_usec;
        pid_t pids[BATCH_MAX];

        /* With SIGCHLD ignored waitpid(2) would tell nothing about the children. */
        (void) signal(SIGCHLD, SIG_DFL);
        for (size_t i = 0; i < n; i++) {
                pids[i] = start_child(function, shared, first + i);
                results[i] = pids[i] < 0 ? -errno : 0;
        }
        for (size_t i = 0; i < n; i++)
                if (pids[i] > 0)
                        results[i] = wait_for_child(pids[i], deadline);
}

int timed_call_each(TimedItemFunction function, void *shared, size_t n, usec_t timeout_usec) {
        int results[BATCH_MAX], n_missing = 0;

        for (size_t first = 0; first < n; first += BATCH_MAX) {
                size_t n_batch = n - first < BATCH_MAX ? n - first : BATCH_MAX;

                call_batch(function, shared, first, n_batch, timeout_usec, results);
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
        int results[BATCH_MAX];

        call_batch(run_single_call, &call, 0, 1, timeout_usec, results);
        return results[0];
}
