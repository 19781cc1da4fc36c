/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/timed_call.h"

#define N 150 /* more than go at the same time */

typedef struct Answer {
        bool is_known;
        uint64_t value;
        pid_t pid;
} Answer;

typedef struct Questions {
        size_t mute;  /* this one never answers */
        size_t dying; /* this one dies */
        Answer answers[N];
} Questions;

static Questions *questions;

static void setup(void) {
        questions = timed_call_allocate(sizeof(Questions));
        cr_assert(ne(ptr, questions, NULL));
        questions->mute = questions->dying = SIZE_MAX;
}

static void teardown(void) {
        timed_call_free(questions, sizeof(Questions));
}

TestSuite(timed_call, .init = setup, .fini = teardown, .timeout = 20);

static void answer_item(void *shared, size_t i) {
        Questions *q = shared;
        Answer *answer = &q->answers[i];

        answer->pid = getpid();
        if (i == q->mute)
                for (;;)
                        (void) pause();
        if (i == q->dying)
                (void) raise(SIGKILL);
        answer->value = i * i;
        answer->is_known = true;
}

static void keep_no_descriptor(void *shared) {
        answer_item(shared, 0);
        for (int fd = 3; fd < 64; fd++)
                (void) close(fd);
        (void) sleep(30);
}

static void answer_single(void *shared) {
        answer_item(shared, 0);
}

static void expect_no_child(void) {
        cr_expect(eq(int, waitpid(-1, NULL, WNOHANG), -1), "a child is left");
}

static void expect_child_killed(pid_t pid) {
        while (waitpid(-1, NULL, 0) > 0)
                ;
        cr_expect(eq(int, kill(pid, 0), -1));
}

Test(timed_call, returns_when_the_function_has_returned) {
        cr_assert(eq(int, timed_call(answer_single, questions, 10 * USEC_PER_SEC), 0));
        cr_expect(questions->answers[0].is_known);
        cr_expect(ne(int, questions->answers[0].pid, getpid()));
        expect_no_child();
}

Test(timed_call, waits_for_its_child_although_sigchld_was_ignored) {
        (void) signal(SIGCHLD, SIG_IGN);
        cr_assert(eq(int, timed_call(answer_single, questions, 10 * USEC_PER_SEC), 0));
        cr_expect(questions->answers[0].is_known);
}

Test(timed_call, kills_a_child_that_does_not_return_in_time) {
        usec_t start = usec_now();

        questions->mute = 0;
        cr_assert(eq(int, timed_call(answer_single, questions, 300 * USEC_PER_MSEC), -ETIMEDOUT));
        cr_expect(ge(u64, usec_now() - start, 300 * USEC_PER_MSEC));
        cr_expect(lt(u64, usec_now() - start, 5 * USEC_PER_SEC));
        cr_expect(not(questions->answers[0].is_known));
        expect_child_killed(questions->answers[0].pid);
}

/* In exit(2) the kernel closes the descriptors one by one, and may block in any of them: that all are
 * closed does not say that the child has exited. */
Test(timed_call, kills_a_child_that_has_closed_its_descriptors) {
        cr_assert(eq(int, timed_call(keep_no_descriptor, questions, 300 * USEC_PER_MSEC),
                     -ETIMEDOUT));
        cr_expect(questions->answers[0].is_known);
        expect_child_killed(questions->answers[0].pid);
}

Test(timed_call, reports_a_child_that_died) {
        questions->dying = 0;
        cr_assert(eq(int, timed_call(answer_single, questions, 10 * USEC_PER_SEC), -EIO));
        cr_expect(not(questions->answers[0].is_known));
        expect_no_child();
}

Test(timed_call, returns_every_answer) {
        cr_assert(eq(int, timed_call_each(answer_item, questions, N, 10 * USEC_PER_SEC), 0));
        for (size_t i = 0; i < N; i++) {
                cr_expect(questions->answers[i].is_known);
                cr_expect(eq(u64, questions->answers[i].value, i * i));
                cr_expect(ne(int, questions->answers[i].pid, getpid()));
        }
        expect_no_child();
}

Test(timed_call, one_mute_call_of_many_costs_only_its_timeout) {
        usec_t start = usec_now();

        questions->mute = 70;
        questions->dying = 3;
        /* The others have to fork and to answer within it, on a busy machine, under a sanitizer. */
        cr_assert(eq(int, timed_call_each(answer_item, questions, N, 3 * USEC_PER_SEC), 2));
        cr_expect(ge(u64, usec_now() - start, 3 * USEC_PER_SEC));
        cr_expect(lt(u64, usec_now() - start, 12 * USEC_PER_SEC));
        for (size_t i = 0; i < N; i++)
                cr_expect(eq(int, questions->answers[i].is_known, i != 70 && i != 3), "%zu", i);
        expect_child_killed(questions->answers[70].pid);
}

Test(timed_call, no_call_is_no_error) {
        void *nothing = timed_call_allocate(0);

        cr_assert(ne(ptr, nothing, NULL));
        cr_expect(eq(int, timed_call_each(answer_item, nothing, 0, 0), 0));
        timed_call_free(nothing, 0);
        timed_call_free(NULL, 0);
}
