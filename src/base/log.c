/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See log.h. */

#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

/* Longest line, before the target cuts it. */
#define TEXT_MAX 3600
/* "<30>nvme-async-shutdown: " and the parentheses around a suffix; the longest suffix. */
#define PREFIX_MAX 32
#define SUFFIX_MAX 600
/* By the second one "journalctl -u nvme-async-shutdown" shows what the unit of each action logs. */
#define JOURNAL_FIELDS                            \
        "SYSLOG_IDENTIFIER=nvme-async-shutdown\n" \
        "OBJECT_SYSTEMD_UNIT=nvme-async-shutdown.service\n"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define JOURNAL_ENTRY_MAX 8192
#define JOURNAL_SNDBUF (8 * 1024 * 1024)
/* How long we wait for a journald whose queue is full. One that does not drain it in this time is
 * not waited for again. */
#define JOURNAL_WAIT_MSEC 500

static LogTarget log_target = LOG_TARGET_STDERR;
static int log_max_level = LOG_INFO;
static int log_kmsg = -1;
static int log_journal = -1;
static int log_prepared = -1;
static int journal_patience_msec = JOURNAL_WAIT_MSEC;

/* Replaces sd_journal_sendv(), which blocks without a deadline while journald is stuck and its
 * queue is full: nothing may hold up a shutdown. */
static int connect_journal(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const int size = JOURNAL_SNDBUF;
        int fd;

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                int r = -errno;

                (void) close(fd);
                return r;
        }
        /* The size that sd_journal_sendv() sets. The kernel's default holds some 150 entries: we
         * would wait for journald while 128 drives end at the same time. */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        return fd;
}

/* The kernel's /dev/kmsg never blocks; O_NONBLOCK is for anything else at that path. */
static int open_kmsg(void) {
        int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        return fd < 0 ? -errno : fd;
}

void log_tee_kmsg(void) {
        log_tee_kmsg_fd(open_kmsg());
}

void log_tee_kmsg_fd(int fd) {
        if (log_kmsg >= 0)
                (void) close(log_kmsg);
        log_kmsg = fd;
}

void log_prepare_kmsg(void) {
        if (log_kmsg < 0 && log_prepared < 0)
                log_prepared = open_kmsg();
}

void log_switch_to_kmsg(void) {
        if (log_kmsg < 0) {
                log_kmsg = log_prepared;
                log_prepared = -1;
        }
        log_target = LOG_TARGET_KMSG;
}

int log_open(LogTarget target, int max_level) {
        int r = 0;

        log_close();
        log_target = target;
        log_max_level = max_level;
        if (target == LOG_TARGET_KMSG)
                r = log_kmsg = open_kmsg();
        if (target == LOG_TARGET_JOURNAL)
                r = log_journal = connect_journal(JOURNAL_SOCKET);
        return r < 0 ? r : 0;
}

void log_set_journal_fd(int fd) {
        log_close();
        log_target = LOG_TARGET_JOURNAL;
        log_journal = fd;
}

void log_set_kmsg_fd(int fd) {
        log_close();
        log_target = LOG_TARGET_KMSG;
        log_kmsg = fd;
}

void log_close(void) {
        if (log_kmsg >= 0)
                (void) close(log_kmsg);
        log_kmsg = -1;
        if (log_journal >= 0)
                (void) close(log_journal);
        log_journal = -1;
        if (log_prepared >= 0)
                (void) close(log_prepared);
        log_prepared = -1;
}

/* A control character would start a new line, end a field early or control a terminal. */
static void mask_controls(char *text, size_t length) {
        for (size_t i = 0; i < length; i++)
                if ((unsigned char) text[i] < ' ' || text[i] == 0x7f)
                        text[i] = ' ';
}

/* Cuts the line at LOG_KMSG_MAX, but not within a UTF-8 sequence, and keeps it one line: the kernel
 * would show the part after a line break as another record, without our name. */
static void write_kmsg(int level, const char *text) {
        char line[LOG_KMSG_MAX + 1];
        int n;

        if (log_kmsg < 0)
                return;
        n = snprintf(line, sizeof(line), "<%d>nvme-async-shutdown: %s", LOG_DAEMON | level, text);
        if (n < 0)
                return;
        if ((size_t) n >= sizeof(line)) {
                n = sizeof(line) - 1;
                while (n > 0 && ((unsigned char) line[n - 1] & 0xC0) == 0x80)
                        n--;
                if (n > 0 && (unsigned char) line[n - 1] >= 0xC0)
                        n--;
        }
        mask_controls(line, (size_t) n);
        /* One write is one record. A failure can be reported nowhere, ignoring. */
        if (write(log_kmsg, line, (size_t) n) < 0)
                return;
}

/* Sends one datagram in journald's native protocol: lines of "NAME=value". */
static void send_journal(int level, const char *const *fields, size_t n_fields) {
        char entry[JOURNAL_ENTRY_MAX];
        size_t n;

        if (log_journal < 0)
                return;
        n = (size_t) snprintf(entry, sizeof(entry), "PRIORITY=%d\n" JOURNAL_FIELDS, level);
        for (size_t i = 0; i < n_fields; i++) {
                size_t length = strlen(fields[i]);

                if (n + length + 1 > sizeof(entry))
                        break;
                memcpy(entry + n, fields[i], length);
                mask_controls(entry + n, length);
                n += length;
                entry[n++] = '\n';
        }
        if (send(log_journal, entry, n, MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
                struct pollfd full = { .fd = log_journal, .events = POLLOUT };

                /* The entry is dropped if journald does not drain its queue in time, ignoring. */
                if (poll(&full, 1, journal_patience_msec) > 0)
                        (void) send(log_journal, entry, n, MSG_NOSIGNAL);
                else
                        journal_patience_msec = 0;
        }
}

static void write_text(int level, char *text) {
        char field[sizeof("MESSAGE=") + TEXT_MAX];

        switch (log_target) {
        case LOG_TARGET_STDERR:
                mask_controls(text, strlen(text));
                (void) fprintf(stderr, "%s\n", text);
                break;
        case LOG_TARGET_JOURNAL:
                (void) snprintf(field, sizeof(field), "MESSAGE=%s", text);
                send_journal(level, (const char *const[]){ field }, 1);
                break;
        case LOG_TARGET_KMSG:
                write_kmsg(level, text);
                break;
        }
}

void log_line(int level, const char *format, ...) {
        char text[TEXT_MAX];
        int saved = errno;
        va_list args;

        if (level > log_max_level)
                return;
        va_start(args, format);
        (void) vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        write_text(level, text);
        errno = saved;
}

/* Cuts the message rather than the suffix, which our program parses at the next boot.
 *
 * Lowers LOG_INFO to LOG_DEBUG, which reaches the kernel log but no console: many servers have a
 * serial one, and at 115,200 baud the lines of 128 controllers would block all writers for 2 s. */
static void write_kmsg_fields(int level, const char *message, const char *suffix) {
        char text[TEXT_MAX];

        (void) snprintf(text, sizeof(text), "%.*s (%s)",
                        (int) (LOG_KMSG_MAX - PREFIX_MAX - strnlen(suffix, SUFFIX_MAX)), message,
                        suffix);
        write_kmsg(level == LOG_INFO ? LOG_DEBUG : level, text);
}

void log_fields(int level, const char *suffix, const char *const *fields, size_t n_fields) {
        const char *message = n_fields > 0 ? fields[0] + strlen("MESSAGE=") : "";
        char text[TEXT_MAX];
        int saved = errno;

        if (level > log_max_level || n_fields == 0 || !STARTSWITH(fields[0], "MESSAGE="))
                return;
        if (log_target == LOG_TARGET_JOURNAL)
                send_journal(level, fields, n_fields);
        if (log_kmsg >= 0 && suffix)
                write_kmsg_fields(level, message, suffix);
        else if (log_kmsg < 0 && log_target == LOG_TARGET_STDERR) {
                (void) snprintf(text, sizeof(text), "%s", message);
                write_text(level, text);
        }
        errno = saved;
}

/* Appends as much of text as fits. Returns the new length. */
static size_t append_text(char *line, size_t size, size_t n, const char *text) {
        while (*text && n < size)
                line[n++] = *text++;
        return n;
}

void log_from_signal(const char *text) {
        const bool is_journal = log_target == LOG_TARGET_JOURNAL;
        const int fd = is_journal                      ? log_journal
                       : log_target == LOG_TARGET_KMSG ? log_kmsg
                                                       : STDERR_FILENO;
        int saved = errno;
        char line[LOG_KMSG_MAX];
        size_t n = 0;

        if (is_journal)
                n = append_text(line, sizeof(line), n, "PRIORITY=3\n" JOURNAL_FIELDS "MESSAGE=");
        else if (log_target == LOG_TARGET_KMSG)
                n = append_text(line, sizeof(line), n, "<27>nvme-async-shutdown: ");
        n = append_text(line, sizeof(line), n, text);
        if (log_target != LOG_TARGET_KMSG)
                n = append_text(line, sizeof(line), n, "\n");
        if (fd >= 0) {
                /* A failure can be reported nowhere, ignoring. */
                _unused_ ssize_t ignored = write(fd, line, n);
        }
        errno = saved;
}
