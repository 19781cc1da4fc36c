/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/socket.h>

#include "entry.h"
#include "entry_line.h"
#include "log.h"
#include "message_ids.h"

#define BOOT "0123456789abcdef0123456789abcdef"

static int pair[2];
static Entry entry;

static void setup(void) {
        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0));
        entry = (Entry){
                .boot_id = BOOT,
                .stage = STAGE_EXITRD,
                .action = ACTION_KEXEC,
                .stage_usec = 11,
                .address = "0000:01:00.0",
                .name = "nvme0",
                .path = "pci0000:00/0000:00:01.0",
                .model = "ACME Drive (rev=2) \\x20",
                .serial = "S N 1",
                .outcome = OUTCOME_FAILED,
                .is_flushed = true,
                .reason = "no shutdown (stage=hook) was started: CSTS=0x1",
                .n_waited_for = 3,
                .released_by = "0000:01:00.1",
                .started_usec = 12,
                .phase_usec = { 14, 15, 16, 17000000, 18 },
        };
}

static void teardown(void) {
        log_close();
        (void) close(pair[1]);
}

TestSuite(entry, .init = setup, .fini = teardown, .timeout = 10);

static const char *logged(const Entry *e, bool is_kmsg) {
        static char buffer[16384];
        ssize_t n;

        log_open(LOG_TARGET_STDERR, 7);
        if (is_kmsg)
                log_set_kmsg_fd(dup(pair[0]));
        else
                log_set_journal_fd(dup(pair[0]));
        entry_log(e);
        n = recv(pair[1], buffer, sizeof(buffer) - 1, 0);
        buffer[n < 0 ? 0 : n] = '\0';
        return buffer;
}

static Entry from_fields(const char *text) {
        Entry parsed = { .kind = _ENTRY_KIND_INVALID };

        for (const char *end; (end = strchr(text, '\n')); text = end + 1)
                entry_take_field(&parsed, text, (size_t) (end - text));
        return parsed;
}

/* Member by member: what lies between them is the compiler's. */
#define MEMBER(member) \
        { offsetof(Entry, member), sizeof(((Entry *) NULL)->member), #member }

static void expect_same(const Entry *a, const Entry *b, const char *how) {
        static const struct {
                size_t offset, size;
                const char *name;
        } members[] = {
                MEMBER(kind),
                MEMBER(boot_id),
                MEMBER(stage),
                MEMBER(action),
                MEMBER(stage_usec),
                MEMBER(address),
                MEMBER(name),
                MEMBER(path),
                MEMBER(model),
                MEMBER(serial),
                MEMBER(outcome),
                MEMBER(is_flushed),
                MEMBER(is_verified),
                MEMBER(reason),
                MEMBER(n_waited_for),
                MEMBER(released_by),
                MEMBER(started_usec),
                MEMBER(phase_usec),
                MEMBER(device),
                MEMBER(n_children),
                MEMBER(released_usec),
                MEMBER(totals.count),
                MEMBER(totals.elapsed_usec),
                MEMBER(totals.serial_usec),
                MEMBER(totals.saved_usec),
                MEMBER(totals.n_by_word),
                MEMBER(power_cycles),
                MEMBER(new_power_cycles),
                MEMBER(unsafe_shutdowns),
                MEMBER(new_unsafe_shutdowns),
                MEMBER(n_drives),
                MEMBER(is_broken),
        };

        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
                cr_expect(eq(int,
                             memcmp((const char *) a + members[i].offset,
                                    (const char *) b + members[i].offset, members[i].size),
                             0),
                          "%s: %s: %s", how, members[i].name, logged(a, true));
}

/* Both forms say everything. */
static void expect_round_trip(Entry *e) {
        Entry parsed;

        memset(&parsed, 0, sizeof(parsed));
        cr_expect(eq(int, entry_parse_line(logged(e, true), &parsed), 0), "%s", logged(e, true));
        expect_same(e, &parsed, "kmsg");
        parsed = from_fields(logged(e, false));
        cr_expect(eq(int, entry_check(&parsed), 0));
        expect_same(e, &parsed, "journal");
}

Test(entry, a_controller_comes_back_as_it_was) {
        expect_round_trip(&entry);
        entry.outcome = OUTCOME_LEFT;
        memset(entry.reason, 0, sizeof(entry.reason));
        memset(entry.phase_usec, 0, sizeof(entry.phase_usec));
        expect_round_trip(&entry);
        memset(entry.model, 0, sizeof(entry.model));
        memset(entry.path, 0, sizeof(entry.path));
        memset(entry.name, 0, sizeof(entry.name));
        memset(entry.serial, 0, sizeof(entry.serial));
        expect_round_trip(&entry);
        for (Outcome outcome = 0; outcome < _OUTCOME_MAX; outcome++) {
                entry.outcome = outcome;
                entry.is_verified = outcome == OUTCOME_DETACHED;
                expect_round_trip(&entry);
        }
}

Test(entry, a_release_comes_back_as_it_was) {
        Entry released = {
                .kind = ENTRY_RELEASED,
                .boot_id = BOOT,
                .stage = STAGE_HOOK,
                .stage_usec = 5,
                .address = "0000:00:01.0",
                .device = "root port",
                .n_children = 2,
                .released_usec = 2100000,
        };

        expect_round_trip(&released);
}

Test(entry, a_summary_comes_back_as_it_was) {
        Entry summary = {
                .kind = ENTRY_SUMMARY,
                .boot_id = BOOT,
                .stage = STAGE_UNIT,
                .action = ACTION_POWEROFF,
                .totals = { .count = { 0, 2, 3, 4, 5, 6, 7 }, 8, 9, 10, 2 },
        };

        expect_round_trip(&summary);
        summary.totals.n_by_word = 0;
        expect_round_trip(&summary);
}

/* These only ever reach a live journal. */
Test(entry, what_the_drives_count_comes_back_as_it_was) {
        const Entry clean = { .kind = ENTRY_POWER_CLEAN,
                              .boot_id = BOOT,
                              .address = "0000:01:00.0",
                              .name = "nvme0",
                              .serial = "S1",
                              .power_cycles = 8,
                              .new_power_cycles = 1,
                              .unsafe_shutdowns = 2 };
        const Entry kept = { .kind = ENTRY_POWER_KEPT, .boot_id = BOOT, .n_drives = 2 };
        Entry unsafe = clean, parsed;

        unsafe.kind = ENTRY_POWER_UNSAFE;
        unsafe.new_unsafe_shutdowns = 1;
        parsed = from_fields(logged(&clean, false));
        expect_same(&clean, &parsed, "clean");
        parsed = from_fields(logged(&unsafe, false));
        expect_same(&unsafe, &parsed, "unsafe");
        cr_expect(
                ne(ptr,
                   (void *) strstr(logged(&unsafe, false),
                                   "MESSAGE=nvme0 0000:01:00.0 did not go down cleanly: it counts "
                                   "1 unsafe shutdown more than at the last boot, 2 in all\n"),
                   NULL));
        parsed = from_fields(logged(&kept, false));
        expect_same(&kept, &parsed, "kept");
        cr_expect(ne(ptr, (void *) strstr(logged(&kept, false), "that proves nothing"), NULL));
        cr_expect(eq(int, entry_check(&parsed), 0));
}

Test(entry, a_line_may_have_the_kernel_s_prefix) {
        static const char *const prefixes[] = { "", "<30>", "[   24.123456] ", "<6>[1.2] ",
                                                "<30>[   24.123456][    T1] " };
        char line[2048], text[1024];
        Entry parsed;

        (void) snprintf(text, sizeof(text), "%s", logged(&entry, true) + strlen("<28>"));
        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
                (void) snprintf(line, sizeof(line), "%s%s", prefixes[i], text);
                cr_expect(eq(int, entry_parse_line(line, &parsed), 0), "%s", line);
        }
}

/* The values outlive a text that is too long for a line, the text's end does not. */
Test(entry, a_long_reason_is_cut_and_the_values_stay) {
        char long_text[sizeof(entry.model)];
        Entry parsed;

        memset(entry.reason, 'r', sizeof(entry.reason) - 1);
        memset(long_text, ' ', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        memcpy(entry.model, long_text, sizeof(long_text));
        cr_assert(eq(int, entry_parse_line(logged(&entry, true), &parsed), 0));
        cr_expect(eq(str, parsed.model, long_text));
        cr_expect(eq(str, parsed.boot_id, BOOT));
        cr_expect(eq(u64, parsed.phase_usec[PHASE_VERIFY], 18));
        cr_expect(gt(sz, strlen(parsed.reason), 100));
}

/* A path as deep as there is room for, every name as long as the drive or the kernel makes it. */
Test(entry, the_longest_that_there_is_fits) {
        memset(entry.path, 'p', sizeof(entry.path) - 1);
        memset(entry.model, 'm', 40);
        memset(entry.serial, 's', 20);
        memcpy(entry.name, "nvme1023", sizeof("nvme1023"));
        memcpy(entry.address, "10000:ff:1f.7", sizeof("10000:ff:1f.7"));
        memcpy(entry.released_by, "10000:ff:1f.6", sizeof("10000:ff:1f.6"));
        entry.outcome = OUTCOME_UNVERIFIED;
        entry.is_verified = true;
        entry.action = ACTION_POWEROFF;
        entry.n_waited_for = 1023;
        entry.stage_usec = entry.started_usec = UINT64_C(86400) * 365 * USEC_PER_SEC;
        for (Phase p = 0; p < _PHASE_MAX; p++)
                entry.phase_usec[p] = 600 * USEC_PER_SEC;
        expect_round_trip(&entry);
}

/* The first ones had a word and a field more. */
Test(entry, what_earlier_versions_wrote_is_read) {
        char line[2048];
        Entry parsed;

        (void) snprintf(line, sizeof(line), "%s", logged(&entry, true));
        memcpy(strrchr(line, ')'), " rtd3e=13)", sizeof(" rtd3e=13)"));
        memset(&parsed, 0, sizeof(parsed));
        cr_expect(eq(int, entry_parse_line(line, &parsed), 0));
        expect_same(&entry, &parsed, "kmsg");
        (void) snprintf(line, sizeof(line), "%sNVME_RTD3E_USEC=13\n", logged(&entry, false));
        parsed = from_fields(line);
        cr_expect(eq(int, entry_check(&parsed), 0));
        expect_same(&entry, &parsed, "journal");
}

/* No controller has such names, but the stack has to survive them. */
Test(entry, values_that_do_not_fit_are_left_out) {
        Entry parsed;

        memset(entry.model, ' ', sizeof(entry.model) - 1);
        memset(entry.serial, ' ', sizeof(entry.serial) - 1);
        memset(entry.name, ' ', sizeof(entry.name) - 1);
        memset(entry.path, 'p', sizeof(entry.path) - 1);
        cr_expect(eq(int, entry_parse_line(logged(&entry, true), &parsed), -EBADMSG));
        cr_expect(ne(ptr, (void *) strstr(logged(&entry, true), BOOT), NULL));
        cr_expect(le(sz, strlen(logged(&entry, true)), LOG_KMSG_MAX));
}

Test(entry, every_cut_is_noticed) {
        char line[2048];
        Entry parsed;

        (void) snprintf(line, sizeof(line), "%s", logged(&entry, true));
        for (size_t n = strlen(line) - 1; n > strlen("<28>nvme-async-shutdown: "); n--) {
                line[n] = '\0';
                cr_expect(lt(int, entry_parse_line(line, &parsed), 0), "%s", line);
        }
}

Test(entry, foreign_and_broken_lines) {
        static const struct {
                const char *line;
                int result;
        } cases[] = {
                { "", -ENOMSG },
                { "<", -ENOMSG },
                { "[", -ENOMSG },
                { "<30>[   24.1", -ENOMSG },
                { "<30>[   24.1] systemd[1]: Reached target", -ENOMSG },
                { "<30>[   24.1] sh[1]: nvme-async-shutdown: x (stage=hook released)", -ENOMSG },
                { "nvme-async-shutdown: ", -ENOMSG },
                { "nvme-async-shutdown: Standing down: Enabled=no.", -ENOMSG },
                { "nvme-async-shutdown: (stage=hook)", -ENOMSG },
                { "nvme-async-shutdown: x (stage=hook)", -EBADMSG },
                { "nvme-async-shutdown: x (stage=hook frobnicated)", -EBADMSG },
                { "nvme-async-shutdown: x (stage=attic summary)", -EBADMSG },
                { "nvme-async-shutdown:  (stage=)", -EBADMSG },
                { "nvme-async-shutdown: b 1 released after 0 children, 0.000s (stage=hook released "
                  "device=b address=1 released=1 action=reboot)",
                  -EBADMSG },
                { "nvme-async-shutdown: b 1 released after 0 children, 0.000s (stage=hook released "
                  "device=b address=- children=0 released=0 action=reboot)",
                  -EBADMSG },
                { "nvme-async-shutdown: b 1 released after 0 children, 0.000s (stage=hook released "
                  "device=b address=1 children=0 released=-1 action=reboot)",
                  -EBADMSG },
                { "nvme-async-shutdown: b 1 released after 0 children, 0.000s (stage=hook released "
                  "boot=../../../../../../../../etc/passwd device=b address=1 children=0 "
                  "released=1 action=reboot)",
                  -EBADMSG },
                { "nvme-async-shutdown: b 1 released after 0 children, 0.000s (stage=hook released "
                  "device=b address=1 children=0 released=1 action=reboot later=word)",
                  0 },
        };
        Entry parsed;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                cr_expect(eq(int, entry_parse_line(cases[i].line, &parsed), cases[i].result), "%s",
                          cases[i].line);
}

/* A text that does not fit its values was not written by us. */
Test(entry, the_text_has_to_match_the_values) {
        char line[2048], *at;
        Entry parsed;

        (void) snprintf(line, sizeof(line), "%s", logged(&entry, true));
        at = strstr(line, "failed in");
        memcpy(at, "leaked", 6);
        cr_expect(eq(int, entry_parse_line(line, &parsed), -EBADMSG));
}

Test(entry, fields_that_nobody_of_ours_writes) {
        Entry parsed = from_fields("MESSAGE_ID=" MESSAGE_ID_CONTROLLER
                                   "\nNVME_PCI_ADDRESS=0000:01:00.0\nNVME_OUTCOME=eaten\n");

        cr_expect(eq(int, entry_check(&parsed), -EBADMSG));
        parsed = from_fields("MESSAGE_ID=ffffffffffffffffffffffffffffffff\n");
        cr_expect(eq(int, entry_check(&parsed), -EBADMSG));
        parsed = from_fields("MESSAGE_ID=" MESSAGE_ID_CONTROLLER "\nNVME_MODEL=\x1b[2J\n"
                             "NVME_PCI_ADDRESS=0000:01:00.0\nWITHOUT\n=\n\n");
        cr_expect(eq(int, entry_check(&parsed), 0));
        cr_expect(eq(str, parsed.model, "?[2J"));
}
