/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/ask_each.h"

#define N 150 /* more than go at the same time */

typedef struct Answer {
        bool is_known;
        uint64_t value;
        pid_t pid;
} Answer;

static void ask(void *userdata, size_t i, void *memory) {
        const size_t *mute = userdata;
        Answer *answer = memory;

        answer->pid = getpid();
        if (i == *mute)
                for (;;)
                        (void) pause();
        answer->value = i * i;
        answer->is_known = true;
}

Test(ask_each, brings_every_answer, .timeout = 20) {
        size_t mute = SIZE_MAX;
        const Answer *answers;
        void *memory;

        cr_assert(eq(int, ask_each(N, sizeof(Answer), 10 * USEC_PER_SEC, ask, &mute, &memory), 0));
        answers = memory;
        for (size_t i = 0; i < N; i++) {
                cr_expect(answers[i].is_known);
                cr_expect(eq(u64, answers[i].value, i * i));
                cr_expect(ne(int, answers[i].pid, getpid()));
        }
        cr_expect(eq(int, waitpid(-1, NULL, WNOHANG), -1), "a process is left behind");
        ask_each_free(memory, N, sizeof(Answer));
}

Test(ask_each, one_that_does_not_answer_costs_its_time_and_no_more, .timeout = 20) {
        usec_t before = usec_now();
        const Answer *answers;
        size_t mute = 70;
        void *memory;

        cr_assert(
                eq(int, ask_each(N, sizeof(Answer), 300 * USEC_PER_MSEC, ask, &mute, &memory), 0));
        cr_expect(ge(u64, usec_now() - before, 300 * USEC_PER_MSEC));
        cr_expect(lt(u64, usec_now() - before, 5 * USEC_PER_SEC));
        answers = memory;
        for (size_t i = 0; i < N; i++)
                cr_expect(eq(int, answers[i].is_known, i != mute), "%zu", i);
        /* it was ended, as it was not in the kernel */
        while (waitpid(-1, NULL, 0) > 0)
                ;
        cr_expect(eq(int, kill(answers[mute].pid, 0), -1));
        ask_each_free(memory, N, sizeof(Answer));
}

Test(ask_each, nothing_to_ask_is_no_error) {
        void *memory = &memory;

        cr_assert(eq(int, ask_each(0, sizeof(Answer), 0, ask, NULL, &memory), 0));
        cr_expect(eq(ptr, memory, NULL));
        ask_each_free(memory, 0, sizeof(Answer));
}
