/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/message_ids.h"
#include "record/entry.h"
#include "record/entry_line.h"
#include "topology_builder.h"

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

/* Not inlined: gcc -O3 would see the size of the buffer, and warn where a copy has less room. */
__attribute__((noinline)) static const char *log_and_receive(const Entry *e, bool is_kmsg) {
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

/* Compares member by member, as padding has no defined value. */
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
                          "%s: %s: %s", how, members[i].name, log_and_receive(a, true));
}

/* The fields have everything; a controller's line has neither path nor model nor the stage's
 * start. */
static void expect_round_trip(Entry *e) {
        Entry parsed, shorter = *e;

        memset(&parsed, 0, sizeof(parsed));
        if (e->kind == ENTRY_CONTROLLER) {
                memset(shorter.path, 0, sizeof(shorter.path));
                memset(shorter.model, 0, sizeof(shorter.model));
                shorter.stage_usec = 0;
        }
        cr_expect(eq(int, entry_parse_line(log_and_receive(e, true), &parsed), 0), "%s",
                  log_and_receive(e, true));
        expect_same(&shorter, &parsed, "kmsg");
        parsed = from_fields(log_and_receive(e, false));
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
                entry.is_flushed = !entry.is_flushed;
                entry.is_verified = !entry.is_verified;
                expect_round_trip(&entry);
        }
}

/* A name that would make the text ambiguous becomes a word of its own. No controller has such a
 * name, but a forged journal entry may. */
Test(entry, odd_names_come_back_as_they_were) {
        static const char *const odd[] = { "a b", "nvme0: x", "x left: y", "nvme0:", "a=(b" };

        for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
                memset(entry.name, 0, sizeof(entry.name));
                (void) strcpy(entry.name, odd[i]);
                expect_round_trip(&entry);
                memset(entry.address, 0, sizeof(entry.address));
                (void) strcpy(entry.address, odd[i]);
                expect_round_trip(&entry);
        }
}

Test(entry, a_controllers_line_is_short) {
        entry.outcome = OUTCOME_DETACHED;
        entry.is_verified = true;
        entry.is_flushed = false;
        memset(entry.reason, 0, sizeof(entry.reason));
        entry.n_waited_for = 0;
        memset(entry.released_by, 0, sizeof(entry.released_by));
        cr_expect(eq(str, (char *) log_and_receive(&entry, true),
                     "<31>nvme-async-shutdown: nvme0 0000:01:00.0: detached in 17.000s "
                     "(stage=exitrd/kexec took=14,15,16,17000000,18 boot=" BOOT
                     " sn=S\\x20N\\x201 at=12)"));
        entry.is_verified = false;
        cr_expect(ne(ptr, (void *) strstr(log_and_receive(&entry, true), " verified=no "), NULL));
}

static const Entry release = {
        .kind = ENTRY_RELEASED,
        .boot_id = BOOT,
        .stage = STAGE_HOOK,
        .stage_usec = 5,
        .address = "0000:00:01.0",
        .device = "root port",
        .n_children = 2,
        .released_usec = 2100000,
};

Test(entry, a_release_comes_back_as_it_was) {
        Entry parsed = from_fields(log_and_receive(&release, false));

        cr_expect(eq(int, entry_check(&parsed), 0));
        expect_same(&release, &parsed, "journal");
}

/* Controllers need the room. */
Test(entry, a_release_is_not_in_the_kernel_log) {
        cr_expect(eq(str, (char *) log_and_receive(&release, true), ""));
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
        summary.totals.count[OUTCOME_BEGUN] = 7;
        expect_round_trip(&summary);
}

Test(entry, a_program_comes_back_as_it_was) {
        Entry program = {
                .kind = ENTRY_PROGRAM,
                .boot_id = BOOT,
                .stage = STAGE_HOOK,
                .action = ACTION_POWEROFF,
                .stage_usec = 24,
                .program = { "zfs", PROGRAM_DONE, 0, 1203000, "exported tank (of 4 drives)" },
        };

        expect_round_trip(&program);
        cr_expect(eq(str, (char *) log_and_receive(&program, true),
                     "<31>nvme-async-shutdown: Release=zfs: done after 1.203s: exported tank (of 4 "
                     "drives) (stage=hook program boot=" BOOT " release=zfs result=done "
                     "usec=1203000 said=exported\\x20tank\\x20\\x28of\\x204\\x20drives\\x29 "
                     "action=poweroff began=24)"));
        program.program = (ProgramResult){ "x", PROGRAM_FAILED, 3, 5, "" };
        expect_round_trip(&program);
        cr_expect(ne(ptr,
                     (void *) strstr(log_and_receive(&program, true),
                                     "<28>nvme-async-shutdown: Release=x: failed with status 3 "
                                     "after 0.000s (stage=hook program "),
                     NULL));
        program.program = (ProgramResult){ "x", PROGRAM_KILLED, 11, 5, "" };
        expect_round_trip(&program);
        program.program = (ProgramResult){ "x", PROGRAM_LATE, 0, 10 * USEC_PER_SEC, "waiting" };
        expect_round_trip(&program);
        program.program = (ProgramResult){ "x", PROGRAM_REFUSED, 0, 0, "/etc/x is not executable" };
        expect_round_trip(&program);
        cr_expect(ne(ptr,
                     (void *) strstr(log_and_receive(&program, true),
                                     "Release=x: refused: /etc/x is not executable (stage="),
                     NULL));
}

/* Whatever a program has said, its line fits and can be read. */
Test(entry, what_a_program_said_is_cut) {
        Entry program = { .kind = ENTRY_PROGRAM, .boot_id = BOOT, .stage = STAGE_HOOK }, parsed;
        const char *line;

        memset(program.program.name, 'n', PROGRAM_NAME_MAX - 1);
        memset(program.program.said, ' ', REASON_MAX - 1);
        program.program.said[0] = 'a';
        program.program.usec = program.stage_usec = UINT64_MAX;
        line = log_and_receive(&program, true);
        cr_expect(le(sz, strlen(line), LOG_KMSG_MAX));
        cr_expect(eq(int, entry_parse_line(line, &parsed), 0), "%s", line);
        cr_expect(eq(str, parsed.program.name, program.program.name));
        cr_expect(eq(int, strncmp(parsed.program.said, "a     ", 6), 0));
}

Test(entry, entries_about_two_programs_are_not_the_same) {
        Entry a = { .kind = ENTRY_PROGRAM, .program.name = "zfs" }, b = a;

        cr_expect(entry_is_same(&a, &b));
        strcpy(b.program.name, "nvmet");
        cr_expect(not(entry_is_same(&a, &b)));
}

/* These entries are logged to a live journal only. */
Test(entry, smart_counters_come_back_as_they_were) {
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
        parsed = from_fields(log_and_receive(&clean, false));
        expect_same(&clean, &parsed, "clean");
        parsed = from_fields(log_and_receive(&unsafe, false));
        expect_same(&unsafe, &parsed, "unsafe");
        cr_expect(ne(
                ptr,
                (void *) strstr(log_and_receive(&unsafe, false),
                                "MESSAGE=nvme0 0000:01:00.0 did not go down cleanly: its "
                                "unsafe-shutdown counter has increased by 1 since the last boot, "
                                "to 2\n"),
                NULL));
        parsed = from_fields(log_and_receive(&kept, false));
        expect_same(&kept, &parsed, "kept");
        cr_expect(ne(ptr, (void *) strstr(log_and_receive(&kept, false), "which proves nothing"),
                     NULL));
        cr_expect(eq(int, entry_check(&parsed), 0));
}

Test(entry, a_line_may_have_the_kernels_prefix) {
        static const char *const prefixes[] = { "", "<30>", "[   24.123456] ", "<6>[1.2] ",
                                                "<30>[   24.123456][    T1] " };
        char line[2048], text[1024];
        Entry parsed;

        (void) snprintf(text, sizeof(text), "%s", log_and_receive(&entry, true) + strlen("<28>"));
        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
                (void) snprintf(line, sizeof(line), "%s%s", prefixes[i], text);
                cr_expect(eq(int, entry_parse_line(line, &parsed), 0), "%s", line);
        }
}

/* Even if every other value has its greatest length. */
Test(entry, a_long_reason_survives) {
        memset(entry.reason, 'r', sizeof(entry.reason) - 1);
        memset(entry.serial, '(', sizeof(entry.serial) - 1);
        memset(entry.released_by, '(', sizeof(entry.released_by) - 1);
        memset(entry.name, 'n', sizeof(entry.name) - 1);
        memset(entry.address, 'a', sizeof(entry.address) - 1);
        entry.started_usec = entry.n_waited_for = UINT64_MAX;
        for (Phase p = 0; p < _PHASE_MAX; p++)
                entry.phase_usec[p] = UINT64_MAX / 10;
        expect_round_trip(&entry);
        cr_expect(le(sz, strlen(log_and_receive(&entry, true)), LOG_KMSG_MAX));
}

/* The greatest lengths that drives and the kernel produce. */
static void set_longest(Entry *e) {
        memset(e->path, 'p', sizeof(e->path) - 1);
        memset(e->model, 'm', 40);
        memset(e->serial, 's', 20);
        memcpy(e->name, "nvme1023", sizeof("nvme1023"));
        memcpy(e->address, "10000:ff:1f.7", sizeof("10000:ff:1f.7"));
        memcpy(e->released_by, "10000:ff:1f.6", sizeof("10000:ff:1f.6"));
}

Test(entry, the_longest_real_line_fits) {
        set_longest(&entry);
        entry.outcome = OUTCOME_UNVERIFIED;
        entry.is_verified = true;
        entry.action = ACTION_POWEROFF;
        entry.n_waited_for = 1023;
        entry.stage_usec = entry.started_usec = UINT64_C(86400) * 365 * USEC_PER_SEC;
        for (Phase p = 0; p < _PHASE_MAX; p++)
                entry.phase_usec[p] = 600 * USEC_PER_SEC;
        expect_round_trip(&entry);
}

/* The prefix of a line in pstore. */
#define PREFIX "<30>[   24.123456] "
#define PSTORE_BYTES ((size_t) 33 * 1024)

static size_t kept_bytes(const Entry *e) {
        const char *line = strchr(log_and_receive(e, true), '>');

        cr_assert(ne(ptr, (void *) line, NULL));
        return strlen(PREFIX) + strlen(line + 1) + 1;
}

/* 128 controllers in the hook, one in sixteen of them left. by_word: as with Secure Boot. */
static size_t kept_bytes_of_128(bool by_word) {
        const Entry summary = {
                .kind = ENTRY_SUMMARY,
                .boot_id = BOOT,
                .stage = STAGE_EXITRD,
                .action = ACTION_POWEROFF,
                .stage_usec = 24 * USEC_PER_SEC,
                .totals = { { [OUTCOME_DETACHED] = 120, [OUTCOME_LEFT] = 8 },
                            12345678,
                            987654321,
                            975308643,
                            by_word ? 120 : 0 },
        };
        size_t total = kept_bytes(&summary);

        for (unsigned i = 0; i < 128; i++) {
                const bool is_left = i % 16 == 0;
                Entry e = {
                        .boot_id = BOOT,
                        .stage = STAGE_EXITRD,
                        .action = ACTION_POWEROFF,
                        .stage_usec = 24 * USEC_PER_SEC,
                        .started_usec = 24123456 + i,
                        .outcome = is_left ? OUTCOME_LEFT : OUTCOME_DETACHED,
                        .is_flushed = is_left,
                        .is_verified = !is_left && !by_word,
                        .phase_usec = { 1234, 12345, 12345, 12345678, 123 },
                };

                set_longest(&e);
                (void) snprintf(e.name, sizeof(e.name), "nvme%u", 1000 - i);
                memset(e.released_by, 0, sizeof(e.released_by));
                if (is_left)
                        (void) strcpy(e.reason, "/dev/nvme127n1p2 is below md127, which is mounted "
                                                "on /srv/database");
                else if (by_word)
                        (void) strcpy(e.reason, "by the driver's word");
                if (is_left)
                        e.phase_usec[PHASE_SHUTDOWN] = 0;
                else if (!by_word)
                        cr_expect(le(sz, kept_bytes(&e) - 1, 220), "%s", log_and_receive(&e, true));
                total += kept_bytes(&e);
        }
        return total;
}

/* The kmsg_bytes=10240 of pstore, compressed, were measured to hold 33 KB of text or more. */
Test(entry, the_record_of_128_controllers_fits_into_pstore) {
        cr_expect(le(sz, kept_bytes_of_128(false), PSTORE_BYTES));
        cr_expect(le(sz, kept_bytes_of_128(true), PSTORE_BYTES));
}

/* In the long lines every value was a word, model and path included; bridges had lines, too. */
Test(entry, lines_of_earlier_versions_are_read) {
        static const char line[] =
                "<28>nvme-async-shutdown: nvme0 0000:01:00.0: failed in 17.000s: no shutdown "
                "(stage=hook) was started: CSTS=0x1 (stage=exitrd outcome=failed verified=no "
                "flushed=yes usec=17000000 boot=" BOOT " serial=S\\x20N\\x201 name=nvme0 "
                "address=0000:01:00.0 path=pci0000:00/0000:00:01.0 "
                "model=ACME\\x20Drive\\x20\\x28rev\\x3d2\\x29\\x20\\x5cx20 action=kexec began=11 "
                "waited=3 after=0000:01:00.1 started=12 rtd3e=13 fork=14 check=15 fsync=16 "
                "verify=18)";
        Entry parsed;

        memset(&parsed, 0, sizeof(parsed));
        cr_assert(eq(int, entry_parse_line(line, &parsed), 0));
        expect_same(&entry, &parsed, "kmsg");
        memset(&parsed, 0, sizeof(parsed));
        cr_assert(
                eq(int,
                   entry_parse_line("nvme-async-shutdown: root port 0000:00:01.0 released after 2 "
                                    "children, 2.100s (stage=hook released boot=" BOOT
                                    " device=root\\x20port address=0000:00:01.0 children=2 "
                                    "released=2100000 action=reboot began=5)",
                                    &parsed),
                   0));
        expect_same(&release, &parsed, "kmsg");
        parsed = from_fields(log_and_receive(&entry, false));
        entry_take_field(&parsed, "NVME_RTD3E_USEC=13", strlen("NVME_RTD3E_USEC=13"));
        cr_expect(eq(int, entry_check(&parsed), 0));
        expect_same(&entry, &parsed, "journal");
}

Test(entry, every_cut_is_noticed) {
        char line[2048];
        Entry parsed;

        (void) snprintf(line, sizeof(line), "%s", log_and_receive(&entry, true));
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
                { "nvme-async-shutdown: nvme0 1: left (stage=hook/reboot sn=S)", 0 },
                { "nvme-async-shutdown: nvme0 1: left (stage=hook/reboot)", -EBADMSG },
                { "nvme-async-shutdown: nvme0 1: left (stage=hook/lunch sn=S)", -EBADMSG },
                { "nvme-async-shutdown: nvme0 1: left (stage=attic/reboot sn=S)", -EBADMSG },
                { "nvme-async-shutdown: nvme0 1: eaten (stage=hook/reboot sn=S)", -EBADMSG },
                { "nvme-async-shutdown: nvme0 1 left (stage=hook/reboot sn=S)", -EBADMSG },
                { "nvme-async-shutdown: left (stage=hook/reboot sn=S)", -EBADMSG },
                { "nvme-async-shutdown: nvme0 1: left (stage=hook/reboot summary sn=S)", -EBADMSG },
                { "nvme-async-shutdown: nvme0 -: left (stage=hook/reboot sn=S)", -EBADMSG },
                { "nvme-async-shutdown: nvme0 1: left in 0.004s (stage=hook/reboot "
                  "took=1,2,3,4000,5 sn=S)",
                  0 },
                { "nvme-async-shutdown: nvme0 1: left in 0.005s (stage=hook/reboot "
                  "took=1,2,3,4000,5 sn=S)",
                  -EBADMSG },
                { "nvme-async-shutdown: nvme0 1: left (stage=hook/reboot took=1,2,3,0 sn=S)",
                  -EBADMSG },
                { "nvme-async-shutdown: nvme0 1: left (stage=hook/reboot took=1,2,3,0,5,6 sn=S)",
                  -EBADMSG },
                { "nvme-async-shutdown: nvme0 1: left (stage=hook/reboot took=1,,3,0,5 sn=S)",
                  -EBADMSG },
                { "nvme-async-shutdown: nvme0 1: left (stage=hook/reboot took=1,2,3,0,-5 sn=S)",
                  -EBADMSG },
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

/* This program writes no text that contradicts its values. */
Test(entry, the_text_has_to_match_the_values) {
        char line[2048], *at;
        Entry parsed;

        (void) snprintf(line, sizeof(line), "%s", log_and_receive(&entry, true));
        at = strstr(line, "failed in");
        memcpy(at, "leaked", 6);
        cr_expect(eq(int, entry_parse_line(line, &parsed), -EBADMSG));
}

Test(entry, fields_that_this_program_does_not_write) {
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

static Topology topology;

/* nvme0 and nvme1 are two ports of one drive; nvme2 is another drive. */
static void set_up_drives(void) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:03:00.0", NULL);
        (void) build_bridge(&topology, DEVICE_BRIDGE, "0000:00:01.0", NULL);
        (void) build_bridge(&topology, DEVICE_HOST_BRIDGE, "pci0000:00", NULL);
        (void) build_bridge(&topology, DEVICE_BRIDGE, "0000:00:02.0", NULL);
        topology.devices[0].parent = 3;
        topology.devices[1].parent = 5;
        topology.devices[3].parent = topology.devices[5].parent = 4;
        free(topology.devices[1].controller->serial);
        topology.devices[1].controller->serial = strdup("S-nvme0");
}

static void forget_drives(void) {
        topology_done(&topology);
}

TestSuite(entry_drive, .init = set_up_drives, .fini = forget_drives, .timeout = 10);

static void find_drive(const char *serial, const char *address) {
        entry = (Entry){};
        (void) strcpy(entry.serial, serial);
        (void) strcpy(entry.address, address);
        entry_find_drive(&entry, &topology);
}

Test(entry_drive, is_filled_in_from_the_topology) {
        entry_set_drive(&entry, &topology, 0);
        cr_expect(eq(str, entry.name, "nvme0"));
        cr_expect(eq(str, entry.address, "0000:01:00.0"));
        cr_expect(eq(str, entry.serial, "S-nvme0"));
        cr_expect(eq(str, entry.model, "Test"));
        cr_expect(eq(str, entry.path, "pci0000:00/0000:00:01.0"));
}

Test(entry_drive, a_drive_is_found_by_its_serial_number) {
        find_drive("S-nvme0", "0000:02:00.0");
        cr_expect(eq(str, entry.model, "Test"));
        cr_expect(eq(str, entry.path, "pci0000:00/0000:00:02.0"));
        find_drive("S-nvme0", "0000:01:00.0");
        cr_expect(eq(str, entry.path, "pci0000:00/0000:00:01.0"));
}

Test(entry_drive, a_drive_that_has_moved_keeps_its_model_only) {
        find_drive("S-nvme0", "0000:03:00.0");
        cr_expect(eq(str, entry.model, "Test"));
        cr_expect(eq(str, entry.path, ""));
}

Test(entry_drive, a_drive_that_is_gone_stays_unknown) {
        find_drive("S-other", "0000:01:00.0");
        cr_expect(eq(str, entry.model, ""));
        cr_expect(eq(str, entry.path, ""));
        find_drive("", "0000:01:00.0");
        cr_expect(eq(str, entry.model, ""));
}

Test(entry_drive, values_from_the_line_stay) {
        (void) strcpy(entry.serial, "S-nvme0");
        (void) strcpy(entry.address, "0000:01:00.0");
        (void) strcpy(entry.model, "Other");
        (void) strcpy(entry.path, "elsewhere");
        entry_find_drive(&entry, &topology);
        cr_expect(eq(str, entry.model, "Other"));
        cr_expect(eq(str, entry.path, "elsewhere"));
}

Test(entry, the_same_entry_may_come_twice_but_begin_and_end_are_two) {
        Entry begun = { .outcome = OUTCOME_BEGUN, .address = "0000:01:00.0", .boot_id = BOOT };
        Entry end = begun, summary = { .kind = ENTRY_SUMMARY }, final = summary;

        end.outcome = OUTCOME_DETACHED;
        cr_expect(entry_is_open(&begun));
        cr_expect(not(entry_is_open(&end)));
        cr_expect(entry_is_same(&begun, &begun));
        cr_expect(not(entry_is_same(&begun, &end)));
        cr_expect(entry_is_same(&summary, &final));
        final.totals.count[OUTCOME_DETACHED] = 1;
        cr_expect(not(entry_is_same(&summary, &final)));
        end = begun;
        end.stage = STAGE_HOOK;
        cr_expect(not(entry_is_same(&begun, &end)));
}
