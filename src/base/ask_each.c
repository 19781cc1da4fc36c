/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See ask_each.h. */

#include "base/ask_each.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/poll_until.h"

/* Processes at the same time. */
#define BATCH ((size_t) 64)

/* One that hangs in the kernel can't be reaped; when we end it is init's. */
static void end_batch(const pid_t *pids, size_t n, bool has_ended) {
        for (size_t i = 0; i < n; i++) {
                if (pids[i] <= 0 || waitpid(pids[i], NULL, has_ended ? 0 : WNOHANG) != 0)
                        continue;
                (void) kill(pids[i], SIGKILL);
                (void) waitpid(pids[i], NULL, WNOHANG);
        }
}

static int ask_batch(size_t first, size_t n, usec_t timeout_usec, AskFunction ask, void *userdata,
                     char *answers, size_t size) {
        pid_t pids[BATCH];
        bool has_ended;
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        /* A process that can't be started leaves its answer zeroed. */
        for (size_t i = 0; i < n; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        ask(userdata, first + i, answers + (first + i) * size);
                        _exit(EXIT_SUCCESS);
                }
        }
        (void) close(ends[1]);
        /* Each process holds the pipe open for writing, so that its end is the end of the last one.
         */
        has_ended = poll_until(ends[0], usec_now() + timeout_usec) > 0;
        (void) close(ends[0]);
        end_batch(pids, n, has_ended);
        return 0;
}

int ask_each(size_t n, size_t size, usec_t timeout_usec, AskFunction ask, void *userdata,
             void **ret_answers) {
        void *answers = NULL;

        if (n > 0) {
                answers = mmap(NULL, n * size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                               -1, 0);
                if (answers == MAP_FAILED)
                        return -errno;
        }
        for (size_t first = 0; first < n; first += BATCH) {
                size_t left = n - first;
                int r = ask_batch(first, left < BATCH ? left : BATCH, timeout_usec, ask, userdata,
                                  answers, size);

                if (r < 0) {
                        ask_each_free(answers, n, size);
                        return r;
                }
        }
        *ret_answers = answers;
        return 0;
}

void ask_each_free(void *answers, size_t n, size_t size) {
        if (answers)
                (void) munmap(answers, n * size);
}
