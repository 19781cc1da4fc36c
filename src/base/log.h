/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a line goes: stderr, the journal or the kernel log. Never blocks, never fails its caller.
 */
#pragma once

#include "base/util.h"

typedef enum LogTarget {
        LOG_TARGET_STDERR,  /* a person at a terminal */
        LOG_TARGET_JOURNAL, /* the unit stage: journald is alive */
        LOG_TARGET_KMSG,    /* the hook and exitrd stages: only the kernel listens */
} LogTarget;

/* A kmsg record is at most 992 bytes in all (6.1); longer lines are cut at LOG_KMSG_MAX bytes. */
#define LOG_KMSG_MAX 900

/* Chooses the sink once, at start. Opens /dev/kmsg for LOG_TARGET_KMSG; if that fails every later
 * line is dropped silently. Lines less urgent than max_level (syslog.h: LOG_ERR..LOG_DEBUG) are
 * dropped. 0, or -errno: nobody will hear anything. */
int log_open(LogTarget target, int max_level);

/* Structured entries that go to the journal go to the kernel log as well from here on, for a
 * journal that will not be there after the shutdown. */
void log_tee_kmsg(void);
void log_tee_kmsg_fd(int fd);

/* Writes to that descriptor instead of /dev/kmsg. For tests; takes the descriptor over. */
void log_set_kmsg_fd(int fd);

/* The same for journald's socket: a connected datagram socket. */
void log_set_journal_fd(int fd);

void log_close(void);

/* One line, without a newline at its end. errno is kept. */
void log_line(int level, const char *format, ...) _printf_(2, 3);

/* One line out of a signal handler (async-signal-safe, no formatting, LOG_ERR). */
void log_from_signal(const char *text);

#define log_error(...) log_line(3, __VA_ARGS__)
#define log_warning(...) log_line(4, __VA_ARGS__)
#define log_notice(...) log_line(5, __VA_ARGS__)
#define log_info(...) log_line(6, __VA_ARGS__)
#define log_debug(...) log_line(7, __VA_ARGS__)

/* A structured entry. fields are "NAME=value" strings for the journal, the first must be MESSAGE=;
 * suffix is appended to the message in parentheses where fields can't be kept (kmsg); NULL: such an
 * entry does not go there at all. */
void log_fields(int level, const char *suffix, const char *const *fields, size_t n_fields);
