/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pstore has kept of a kernel log, and what becomes of the lines of ours that are in it. */

#include <sys/socket.h>
#include <syslog.h>

#include "base/log.h"
#include "fake_root.h"
#include "fuzz.h"
#include "record/entry_line.h"
#include "report/pstore.h"

static bool is_wanted(void *userdata, const char *boot_id) {
        REQUIRE(entry_is_boot_id(boot_id));
        return true;
}

/* The line that the entry is written as. */
static void write_line(const Entry *entry, char *line, size_t size) {
        int pair[2];
        ssize_t n;

        REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
        REQUIRE(log_open(LOG_TARGET_STDERR, LOG_DEBUG) == 0);
        log_set_kmsg_fd(pair[0]);
        entry_log(entry);
        n = recv(pair[1], line, size - 1, MSG_DONTWAIT);
        REQUIRE(n > 0);
        line[n] = '\0';
        log_close();
        (void) close(pair[1]);
}

/* What was read from a line makes a line that is read as the same; one that had to be cut off (only
 * a forger's is so long) is refused. */
static void require_round_trip(const Entry *entry) {
        char line[2048], again[2048];
        Entry other;
        int r;

        write_line(entry, line, sizeof(line));
        r = entry_parse_line(line, &other);
        REQUIRE(r == 0 || strlen(line) >= LOG_KMSG_MAX / 2);
        if (r < 0)
                return;
        write_line(&other, again, sizeof(again));
        REQUIRE(STREQ(line, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        PstoreRecord record = PSTORE_RECORD_INIT;

        fuzz_root();
        fake_root_write_binary("var/lib/systemd/pstore/dmesg", data, size);
        REQUIRE(pstore_record_read(root_fd, is_wanted, NULL, &record) == 0);
        REQUIRE(record.n_files == 1);
        for (size_t i = 0; i < record.entries.n; i++) {
                REQUIRE(entry_check(&record.entries.items[i]) == 0);
                /* what earlier versions said of bridges is read, but no longer written */
                if (record.entries.items[i].kind != ENTRY_RELEASED)
                        require_round_trip(&record.entries.items[i]);
        }
        fuzz_show_entries(&record.entries);
        pstore_record_done(&record);
        return 0;
}
