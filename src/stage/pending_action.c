/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One program and a pipe; see pending_action.h. */

#include "stage/pending_action.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/poll_until.h"

int pending_action_start(PendingAction *pending, const char *program) {
        char *const argv[] = { (char *) program, NULL };
        posix_spawn_file_actions_t actions;
        pid_t pid = 0;
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        r = posix_spawn_file_actions_init(&actions);
        if (r == 0) {
                r = posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
                if (r == 0)
                        r = posix_spawn(&pid, program, &actions, NULL, argv, environ);
                (void) posix_spawn_file_actions_destroy(&actions);
        }
        (void) close(fds[1]);
        if (r != 0) {
                (void) close(fds[0]);
                return -r;
        }
        *pending = (PendingAction){ .pid = pid, .fd = fds[0] };
        return 0;
}

/* Until the end of the output. 0, or -errno. */
static int read_answer(int fd, usec_t deadline, char *answer, size_t size) {
        size_t n = 0;

        for (;;) {
                int r = poll_until(fd, deadline);
                ssize_t k;

                if (r <= 0)
                        return r < 0 ? r : -ETIMEDOUT;
                k = read(fd, answer + n, size - 1 - n);
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        answer[n] = '\0';
        answer[strcspn(answer, "\n")] = '\0';
        return 0;
}

int pending_action_finish(PendingAction *pending, usec_t deadline, Action *ret_action) {
        char answer[64];
        Action action;
        int r = read_answer(pending->fd, deadline, answer, sizeof(answer));

        pending_action_done(pending);
        if (r < 0)
                return r;
        if (STREQ(answer, "none"))
                return -ENOENT;
        action = action_from_string(answer);
        if (action < 0)
                return -EIO;
        *ret_action = action;
        return 0;
}

/* It acts on nothing, so that it may be killed at any time; and a child that has not been waited
 * for keeps its number. */
void pending_action_done(PendingAction *pending) {
        if (pending->pid > 0) {
                (void) kill(pending->pid, SIGKILL);
                (void) waitpid(pending->pid, NULL, 0);
        }
        close_fd(&pending->fd);
        *pending = PENDING_ACTION_INIT;
}
