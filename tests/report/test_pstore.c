/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/log.h"
#include "fake_root.h"
#include "report/pstore.h"

#define BOOT_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BOOT_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEPT "var/lib/systemd/pstore/"

static PstoreRecord record;
static const char *unwanted;

static void setup(void) {
        fake_root_start();
        unwanted = "none";
}

static void teardown(void) {
        pstore_record_done(&record);
        fake_root_done();
}

TestSuite(pstore_record, .init = setup, .fini = teardown, .timeout = 30);

static bool is_wanted(void *userdata, const char *boot_id) {
        return !STREQ(boot_id, unwanted);
}

/* Returns a line as pstore keeps it, valid for the next seven calls. */
static const char *line(const char *boot_id, const char *name, usec_t usec) {
        static char buffers[8][1024];
        static unsigned next;
        char *buffer = buffers[next++ % 8], text[1000];
        Entry entry = { .stage = STAGE_HOOK,
                        .outcome = OUTCOME_DETACHED,
                        .is_verified = true,
                        .phase_usec[PHASE_SHUTDOWN] = usec };
        int pair[2];
        ssize_t n;

        (void) snprintf(entry.boot_id, sizeof(entry.boot_id), "%s", boot_id);
        (void) snprintf(entry.name, sizeof(entry.name), "%s", name);
        (void) snprintf(entry.serial, sizeof(entry.serial), "S-%s", name);
        (void) snprintf(entry.address, sizeof(entry.address), "0000:%s", name);
        if (STREQ(name, "summary"))
                entry.kind = ENTRY_SUMMARY;
        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0));
        log_set_kmsg_fd(pair[0]);
        entry_log(&entry);
        n = recv(pair[1], text, sizeof(text) - 1, 0);
        text[n] = '\0';
        log_close();
        (void) close(pair[1]);
        (void) snprintf(buffer, 1024, "<30>[   24.100000] %s\n", strchr(text, '>') + 1);
        return buffer;
}

static void write_record(const char *path, const char *head, const char *const *lines) {
        char text[16384];
        size_t n = (size_t) snprintf(text, sizeof(text), "%s", head);

        for (; *lines; lines++)
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s", *lines);
        fake_root_write(path, text);
}

static void expect(size_t n_entries, size_t n_broken) {
        pstore_record_done(&record);
        cr_assert(eq(int, pstore_record_read(root_fd, is_wanted, NULL, &record), 0));
        cr_expect(eq(sz, record.entries.n, n_entries));
        cr_expect(eq(sz, record.n_broken, n_broken));
}

Test(pstore_record, nothing_anywhere) {
        expect(0, 0);
}

/* systemd-pstore keeps the parts and merges them into one dmesg.txt. */
Test(pstore_record, parts_in_any_order_and_twice) {
        const char *a = line(BOOT_A, "nvme0", 100), *b = line(BOOT_A, "nvme1", 50);
        const char *c = line(BOOT_A, "summary", 0);

        write_record(KEPT "7300000001/001/dmesg-erst-7300000002", "Shutdown#1 Part1\n",
                     (const char *[]){ "<6>[   25.0] reboot: Restarting system\n", c, NULL });
        write_record(KEPT "7300000001/001/dmesg-erst-7300000001", "Shutdown#1 Part2\n",
                     (const char *[]){ "<6>[   24.0] EXT4-fs\n", a, b, NULL });
        write_record(KEPT "7300000001/001/dmesg.txt", "",
                     (const char *[]){ a, b, c, "<6>[   25.0] reboot\n", NULL });
        write_record("sys/fs/pstore/dmesg-erst-7300000001", "Shutdown#1 Part2\n",
                     (const char *[]){ a, b, NULL });
        expect(3, 0);
        cr_expect(eq(str, record.entries.items[0].name, "nvme1"), "in the order of their ends");
        cr_expect(eq(str, record.entries.items[1].name, "nvme0"));
        cr_expect(eq(int, (int) record.entries.items[2].kind, ENTRY_SUMMARY));
        cr_expect(eq(sz, record.n_files, 4));
}

Test(pstore_record, returns_only_the_boots_that_are_wanted) {
        write_record("sys/fs/pstore/dmesg-efi-1", "",
                     (const char *[]){ line(BOOT_A, "nvme0", 1), line(BOOT_B, "nvme0", 2), NULL });
        expect(2, 0);
        unwanted = BOOT_A;
        expect(1, 0);
        cr_expect(eq(str, record.entries.items[0].boot_id, BOOT_B));
}

Test(pstore_record, skips_a_line_without_a_boot) {
        write_record("sys/fs/pstore/x", "", (const char *[]){ line("", "nvme0", 1), NULL });
        expect(0, 0);
}

Test(pstore_record, a_record_that_breaks_off) {
        char cut[1024];

        (void) snprintf(cut, sizeof(cut), "%s", line(BOOT_A, "nvme1", 5));
        cut[strlen(cut) - 20] = '\0';
        write_record(KEPT "a", "", (const char *[]){ line(BOOT_A, "nvme0", 1), cut, NULL });
        expect(1, 1);
        cr_expect(eq(str, record.entries.items[0].name, "nvme0"));
}

Test(pstore_record, foreign_and_hostile_files) {
        static const char panic[] = "Panic#1 Part1\n<0>[    1.0] Kernel panic - not syncing\n";
        static char junk[200000];

        for (size_t i = 0; i < sizeof(junk); i++)
                junk[i] = (char) (i * 7919 >> 3);
        memcpy(junk + 1000, "\nnvme-async-shutdown: ", 22);
        memcpy(junk + 150000, "\nnvme-async-shutdown: x (stage=hook released ", 45);
        fake_root_write(KEPT "panic/dmesg.txt", panic);
        fake_root_write_binary(KEPT "junk", junk, sizeof(junk));
        fake_root_write_binary(KEPT "empty", "", 0);
        fake_root_link(KEPT "link", "/etc/passwd");
        fake_root_link(KEPT "loop", ".");
        cr_assert(eq(int, mkfifo(fake_root_path(KEPT "fifo"), 0600), 0));
        fake_root_write_binary(KEPT "nul", "a\0b\0\0c", 6);
        write_record(KEPT "nul-first/a/b/too-deep", "",
                     (const char *[]){ line(BOOT_A, "nvme0", 1), NULL });
        write_record(KEPT "good", "", (const char *[]){ line(BOOT_A, "nvme1", 1), NULL });
        pstore_record_done(&record);
        cr_assert(eq(int, pstore_record_read(root_fd, is_wanted, NULL, &record), 0));
        cr_assert(eq(sz, record.entries.n, 1));
        cr_expect(eq(str, record.entries.items[0].name, "nvme1"));
        cr_expect(eq(sz, record.n_files, 5), "links and pipes are not opened");
}

/* NUL bytes in a damaged block must not hide the rest of it. */
Test(pstore_record, text_after_a_nul_is_read) {
        char text[2048];
        size_t n;

        n = (size_t) snprintf(text, sizeof(text), "%s", line(BOOT_A, "nvme0", 1));
        n++;
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s", line(BOOT_A, "nvme1", 1));
        fake_root_write_binary(KEPT "x", text, n);
        expect(2, 0);
}

Test(pstore_record, begin_and_end_of_a_drive_are_two_entries) {
        const char *end = line(BOOT_A, "nvme0", 100);
        char begun[1024];

        (void) snprintf(begun, sizeof(begun),
                        "nvme-async-shutdown: nvme0 0000:nvme0: begun: the kernel's pass waits for "
                        "its end (stage=hook/reboot took=1,2,3,0,0 boot=%s sn=S-nvme0)\n",
                        BOOT_A);
        write_record(KEPT "7300000001/001/dmesg.txt", "",
                     (const char *[]){ begun, end, begun, end, NULL });
        expect(2, 0);
}
