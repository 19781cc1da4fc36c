/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collects entries in the export format; see fake_journal.h. */
#include "fake_journal.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/socket.h>

#include "base/log.h"

#define DAY (86400 * USEC_PER_SEC)
#define FIRST (1767225600 * USEC_PER_SEC) /* 2026-01-01 */

static char *export_text;
static size_t export_size;
static FILE *export_stream;
static char boot[BOOT_ID_MAX];
static unsigned n_boots, n_lines;
static const char *uid = "0";
static char journal_path[PATH_MAX];

static void begin_entry(void) {
        usec_t since_boot = 60 * USEC_PER_SEC + n_lines++;

        if (!export_stream)
                export_stream = open_memstream(&export_text, &export_size);
        cr_assert(ne(ptr, export_stream, NULL));
        (void) fprintf(export_stream,
                       "__REALTIME_TIMESTAMP=%" PRIu64 "\n__MONOTONIC_TIMESTAMP=%" PRIu64
                       "\n_BOOT_ID=%s\n",
                       FIRST + n_boots * DAY + since_boot, since_boot, boot);
        if (uid)
                (void) fprintf(export_stream, "_UID=%s\n", uid);
}

void fake_journal_uid(const char *sender) {
        uid = sender;
}

void fake_journal_boot(const char *id) {
        (void) snprintf(boot, sizeof(boot), "%s", id);
        n_boots++;
        n_lines = 0;
        begin_entry();
        (void) fputs("MESSAGE=Linux version\n\n", export_stream);
}

void fake_journal_line(const char *message) {
        begin_entry();
        (void) fprintf(export_stream, "MESSAGE=%s\nSYSLOG_IDENTIFIER=nvme-async-shutdown\n\n",
                       message);
}

void fake_journal_kernel_line(const char *transport, const char *message) {
        begin_entry();
        (void) fprintf(export_stream,
                       "MESSAGE=%s\nSYSLOG_IDENTIFIER=nvme-async-shutdown\n_TRANSPORT=%s\n\n",
                       message, transport);
}

void fake_journal_entry(const Entry *entry) {
        char buffer[16384];
        int pair[2];
        ssize_t n;

        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0));
        log_open(LOG_TARGET_STDERR, 7);
        log_set_journal_fd(pair[0]);
        entry_log(entry);
        n = recv(pair[1], buffer, sizeof(buffer) - 1, 0);
        cr_assert(gt(long, n, 0));
        buffer[n] = '\0';
        log_close();
        log_open(LOG_TARGET_STDERR, 6);
        (void) close(pair[1]);
        begin_entry();
        /* The export format has the simple form of the native protocol. */
        (void) fprintf(export_stream, "%s\n", buffer);
}

const char *fake_journal_write(void) {
        const char *dir = getenv("TMPDIR"), *remote = getenv("JOURNAL_REMOTE");
        char command[3 * PATH_MAX];
        FILE *pipe;

        cr_assert(ne(ptr, (void *) remote, NULL), "JOURNAL_REMOTE is set by tests/meson.build");
        (void) snprintf(journal_path, sizeof(journal_path), "%s/%d.journal", dir ? dir : ".",
                        (int) getpid());
        (void) unlink(journal_path);
        (void) snprintf(command, sizeof(command), "'%s' --output='%s' - 2>/dev/null", remote,
                        journal_path);
        pipe = popen(command, "we");
        cr_assert(ne(ptr, pipe, NULL));
        if (export_stream) {
                cr_assert(eq(int, fclose(export_stream), 0));
                (void) fputs(export_text, pipe);
                free(export_text);
        }
        cr_assert(eq(int, pclose(pipe), 0));
        export_stream = NULL;
        export_text = NULL;
        n_boots = n_lines = 0;
        return journal_path;
}

void fake_journal_remove(void) {
        (void) unlink(journal_path);
}
