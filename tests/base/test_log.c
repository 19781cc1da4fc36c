/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/log.h"

static int pair[2];

/* A datagram socket keeps each write apart, like /dev/kmsg does. */
static void open_pair(void) {
        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0));
}

static char *receive(void) {
        static char buffer[16384];
        ssize_t n = recv(pair[1], buffer, sizeof(buffer) - 1, 0);

        buffer[n < 0 ? 0 : n] = '\0';
        return buffer;
}

TestSuite(log, .init = open_pair, .timeout = 20);

Test(log, kmsg_lines_have_priority_name_and_no_line_break) {
        log_set_kmsg_fd(pair[0]);
        log_warning("one\ntwo %d", 3);
        cr_expect(eq(str, receive(), "<28>nvme-async-shutdown: one two 3"));
        log_close();
}

Test(log, kmsg_lines_are_cut_below_900_bytes_between_characters) {
        char text[4000] = "";
        size_t length;

        for (size_t i = 0; i < 1000; i++)
                strcat(text, i % 2 ? "é" : "x");
        log_set_kmsg_fd(pair[0]);
        log_info("%s", text);
        length = strlen(receive());
        cr_expect(le(sz, length, LOG_KMSG_MAX));
        cr_expect(ge(sz, length, LOG_KMSG_MAX - 3));
        log_info("%s", text + 1);
        cr_expect(le(sz, strlen(receive()), LOG_KMSG_MAX));
        log_close();
}

Test(log, a_terminal_does_not_get_the_suffix) {
        static const char *const fields[] = { "MESSAGE=text", "MESSAGE_ID=0" };

        cr_assert(ge(int, dup2(pair[0], STDERR_FILENO), 0));
        log_open(LOG_TARGET_STDERR, 6);
        log_fields(6, "stage=unit", fields, 2);
        cr_expect(eq(str, receive(), "text\n"));
}

/* The suffix affects neither a terminal nor the journal. */
Test(log, without_a_suffix_nothing_goes_to_kmsg) {
        static const char *const fields[] = { "MESSAGE=text" };

        log_set_kmsg_fd(pair[0]);
        log_fields(6, NULL, fields, 1);
        cr_expect(eq(str, receive(), ""));
        log_close();
}

/* Without a kmsg of its own, so that none of the machine's is written to. */
Test(log, entries_may_go_to_both) {
        static const char *const fields[] = { "MESSAGE=text", "MESSAGE_ID=0" };
        int kmsg[2];

        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, kmsg), 0));
        log_set_journal_fd(pair[0]);
        log_tee_kmsg_fd(kmsg[0]);
        log_fields(6, "stage=unit", fields, 2);
        cr_expect(ne(ptr, (void *) strstr(receive(), "MESSAGE_ID=0\n"), NULL));
        (void) close(pair[1]);
        pair[1] = kmsg[1];
        cr_expect(eq(str, receive(), "<31>nvme-async-shutdown: text (stage=unit)"));
        log_info("a line of no consequence");
        cr_expect(eq(str, receive(), ""), "only entries");
        log_close();
}

Test(log, kmsg_cuts_the_message_and_keeps_the_suffix) {
        char field[3000] = "MESSAGE=";
        const char *fields[] = { field };
        char *line;

        memset(field + 8, 'm', sizeof(field) - 9);
        log_set_kmsg_fd(pair[0]);
        log_fields(6, "stage=hook outcome=detached serial=X", fields, 1);
        line = receive();
        cr_expect(le(sz, strlen(line), LOG_KMSG_MAX));
        cr_expect(ne(ptr, strstr(line, "mmm (stage=hook outcome=detached serial=X)"), NULL));
        log_close();
}

Test(log, journal_entries_are_one_datagram_of_fields) {
        const char *fields[] = { "MESSAGE=a\nFAKE=1", "NVME_OUTCOME=detached" };

        log_set_journal_fd(pair[0]);
        log_fields(6, "not for the journal", fields, 2);
        cr_expect(eq(str, receive(),
                     "PRIORITY=6\nSYSLOG_IDENTIFIER=nvme-async-shutdown\n"
                     "OBJECT_SYSTEMD_UNIT=nvme-async-shutdown.service\n"
                     "MESSAGE=a FAKE=1\nNVME_OUTCOME=detached\n"));
        log_close();
}

Test(log, drops_lines_that_are_less_urgent_than_the_limit) {
        log_open(LOG_TARGET_STDERR, 6);
        log_set_journal_fd(pair[0]);
        log_debug("chatter");
        cr_expect(eq(str, receive(), ""));
        log_error("trouble");
        cr_expect(ne(ptr, strstr(receive(), "MESSAGE=trouble"), NULL));
        log_close();
}

/* The other end is never read: only the first line waits. */
Test(log, a_stuck_journald_costs_one_wait_in_all) {
        usec_t start = usec_now();

        log_set_journal_fd(pair[0]);
        for (int i = 0; i < 5000; i++)
                log_info("line %d of many that are never read", i);
        cr_expect(lt(u64, usec_now() - start, 3 * USEC_PER_SEC));
        log_close();
}

Test(log, without_a_target_writes_nothing_and_keeps_errno) {
        log_set_kmsg_fd(-1);
        errno = ENOTTY;
        log_error("this is dropped");
        cr_expect(eq(int, errno, ENOTTY));
        log_set_journal_fd(-1);
        log_error("nor this");
        cr_expect(eq(int, errno, ENOTTY));
        log_close();
}

Test(log, a_signal_handler_can_write_a_line) {
        log_set_kmsg_fd(pair[0]);
        log_from_signal("out of time");
        cr_expect(eq(str, receive(), "<27>nvme-async-shutdown: out of time"));
        log_close();
}

Test(log, a_signal_handler_can_write_to_the_journal) {
        log_set_journal_fd(pair[0]);
        log_from_signal("out of time");
        cr_expect(eq(str, receive(),
                     "PRIORITY=3\nSYSLOG_IDENTIFIER=nvme-async-shutdown\n"
                     "OBJECT_SYSTEMD_UNIT=nvme-async-shutdown.service\nMESSAGE=out of time\n"));
        log_close();
}
