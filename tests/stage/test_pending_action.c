/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fake_root.h"
#include "stage/pending_action.h"

#define PROGRAM "pending"

static PendingAction pending = PENDING_ACTION_INIT;

TestSuite(pending_action, .init = fake_root_start, .fini = fake_root_done, .timeout = 20);

/* Asks a shell script in the place of the program. */
static int answer_of(const char *script, usec_t patience, Action *ret_action) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        pid_t pid;
        int r;

        cr_assert(asprintf(&text, "#!/bin/sh\n%s\n", script) > 0);
        fake_root_write(PROGRAM, text);
        path = strdup(fake_root_path(PROGRAM));
        cr_assert(eq(int, chmod(path, 0755), 0));
        cr_assert(eq(int, pending_action_start(&pending, path), 0));
        pid = pending.pid;
        r = pending_action_finish(&pending, usec_now() + patience, ret_action);
        /* nobody is left, not even a zombie */
        cr_expect(eq(int, kill(pid, 0), -1));
        cr_expect(eq(int, pending.pid, 0));
        cr_expect(eq(int, pending.fd, -1));
        return r;
}

static int answer(const char *script, Action *ret_action) {
        return answer_of(script, 10 * USEC_PER_SEC, ret_action);
}

Test(pending_action, is_what_the_program_prints) {
        Action action = _ACTION_INVALID;

        cr_expect(eq(int, answer("echo kexec", &action), 0));
        cr_expect(eq(int, action, ACTION_KEXEC));
        cr_expect(eq(int, answer("echo poweroff", &action), 0));
        cr_expect(eq(int, action, ACTION_POWEROFF));
}

Test(pending_action, there_may_be_none) {
        Action action = ACTION_HALT;

        cr_expect(eq(int, answer("echo none", &action), -ENOENT));
        cr_expect(eq(int, action, ACTION_HALT));
}

Test(pending_action, anything_else_is_no_answer) {
        static const char *const scripts[] = {
                "exit 1",           "true",
                "echo soft-reboot", "kill -9 $$",
                "echo reboot now",  "head -c 100000 /dev/zero | tr '\\0' r",
        };
        Action action = ACTION_HALT;

        for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
                cr_expect(eq(int, answer(scripts[i], &action), -EIO), "%s", scripts[i]);
        cr_expect(eq(int, action, ACTION_HALT));
}

Test(pending_action, is_not_waited_for_beyond_the_deadline) {
        usec_t begin = usec_now();
        Action action;

        cr_expect(eq(int, answer_of("exec sleep 15", 200 * USEC_PER_MSEC, &action), -ETIMEDOUT));
        cr_expect(ge(u64, usec_now(), begin + 200 * USEC_PER_MSEC));
        cr_expect(lt(u64, usec_now(), begin + 10 * USEC_PER_SEC));
}

Test(pending_action, a_program_that_is_missing_is_named_by_errno) {
        cr_expect(eq(int, pending_action_start(&pending, fake_root_path("nothing")), -ENOENT));
        pending_action_done(&pending);
}

Test(pending_action, whose_answer_nobody_wants_ends) {
        pid_t pid;

        fake_root_write(PROGRAM, "#!/bin/sh\nexec sleep 15\n");
        cr_assert(eq(int, chmod(fake_root_path(PROGRAM), 0755), 0));
        cr_assert(eq(int, pending_action_start(&pending, fake_root_path(PROGRAM)), 0));
        pid = pending.pid;
        pending_action_done(&pending);
        cr_expect(eq(int, kill(pid, 0), -1));
        pending_action_done(&pending);
}
