/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes lines to stderr, the journal or the kernel log. Never fails its caller. Waits at most half
 * a second for a journald whose queue is full, and never again for one that did not drain it. */
#pragma once

#include "base/util.h"

typedef enum LogTarget {
        LOG_TARGET_STDERR,  /* a person at a terminal */
        LOG_TARGET_JOURNAL, /* the unit stage: journald is alive */
        LOG_TARGET_KMSG,    /* the hook and exitrd stages: only the kernel log is left */
} LogTarget;

/* A kmsg record is at most 992 bytes in all (6.1); longer lines are cut at LOG_KMSG_MAX bytes. */
#define LOG_KMSG_MAX 900

/* Chooses the target and opens its socket or device. Lines less urgent than max_level (syslog.h:
 * LOG_ERR..LOG_DEBUG) are dropped. 0, or -errno: all later lines are dropped. */
int log_open(LogTarget target, int max_level);

/* Copies structured entries that go to the journal to the kernel log too, from now on: for a
 * journal that will not exist after the shutdown. */
void log_tee_kmsg(void);
void log_tee_kmsg_fd(int fd);

/* Opens the kernel log for a later log_switch_to_kmsg(), when /dev may be gone. */
void log_prepare_kmsg(void);

/* From now on all lines go to the kernel log only. In a child, which leaves its parent's target
 * alone. */
void log_switch_to_kmsg(void);

/* For tests: writes to fd in place of /dev/kmsg and closes it in log_close(). */
void log_set_kmsg_fd(int fd);

/* For tests: the same for journald's socket. fd: a connected datagram socket. */
void log_set_journal_fd(int fd);

void log_close(void);

/* Writes one line; format has no newline at its end. Keeps errno. */
void log_line(int level, const char *format, ...) _printf_(2, 3);

/* Writes one line at LOG_ERR from a signal handler (async-signal-safe, no formatting). */
void log_from_signal(const char *text);

#define log_error(...) log_line(3, __VA_ARGS__)
#define log_warning(...) log_line(4, __VA_ARGS__)
#define log_notice(...) log_line(5, __VA_ARGS__)
#define log_info(...) log_line(6, __VA_ARGS__)
#define log_debug(...) log_line(7, __VA_ARGS__)

/* Writes a structured entry. fields: "NAME=value" strings for the journal; the first is MESSAGE=.
 * suffix: what the kernel log gets after the message, in parentheses, in place of the fields; NULL:
 * the entry does not go to the kernel log. Keeps errno. */
void log_fields(int level, const char *suffix, const char *const *fields, size_t n_fields);
