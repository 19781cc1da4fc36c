/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One child and a pipe; see timed_call.h. */

#include "base/timed_call.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/poll_until.h"

void *timed_call_allocate(size_t size) {
        void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        return shared == MAP_FAILED ? NULL : shared;
}

void timed_call_free(void *shared, size_t size) {
        if (shared)
                (void) munmap(shared, size);
}

/* Neither the survey's limit nor a wish to stop is the child's: SIGKILL is what ends it early. */
static void run_child(void (*function)(void *shared), void *shared) {
        (void) signal(SIGALRM, SIG_IGN);
        function(shared);
        _exit(EXIT_SUCCESS);
}

static int reap(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -EIO;
}

int timed_call(void (*function)(void *shared), void *shared, usec_t timeout_usec) {
        usec_t deadline = usec_now() + timeout_usec;
        int ends[2], r;
        pid_t pid;

        /* A parent that ignores SIGCHLD hands that on, and waitpid(2) then learns nothing. */
        (void) signal(SIGCHLD, SIG_DFL);
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        r = pid < 0 ? -errno : 0;
        if (pid == 0)
                run_child(function, shared);
        (void) close(ends[1]);
        /* The child's copy of the writing end is closed by its end. */
        if (r >= 0)
                r = poll_until(ends[0], deadline);
        (void) close(ends[0]);
        if (pid < 0)
                return r;
        if (r > 0)
                return reap(pid);
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, WNOHANG);
        return r < 0 ? r : -ETIMEDOUT;
}
