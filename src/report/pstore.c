/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See pstore.h. */

#include "report/pstore.h"

#include <fcntl.h>

#include "base/file.h"
#include "record/entry_line.h"

/* systemd-pstore makes at most two levels of directories. */
#define DEPTH_MAX 3
#define FILES_MAX 4096
/* A record in ERST has up to 64 KiB; the dmesg.txt that systemd-pstore merges has more. */
#define FILE_BYTES_MAX ((size_t) 4 * 1024 * 1024)
#define ENTRIES_MAX 16384

typedef struct Scan {
        bool (*wanted)(void *userdata, const char *boot_id);
        void *userdata;
        PstoreRecord *record;
} Scan;

static int add_line(Scan *scan, const char *line) {
        PstoreRecord *record = scan->record;
        Entry entry;
        int r;

        r = entry_parse_line(line, &entry);
        if (r == -EBADMSG)
                record->n_broken++;
        if (r < 0 || !*entry.boot_id || !scan->wanted(scan->userdata, entry.boot_id))
                return 0;
        for (size_t i = 0; i < record->entries.n; i++)
                if (entry_is_same(&record->entries.items[i], &entry))
                        return 0;
        if (record->entries.n >= ENTRIES_MAX) {
                record->is_cut = true;
                return 0;
        }
        return entry_list_append(&record->entries, &entry);
}

/* A damaged record may hold NUL bytes: each ends a line, as a line break does. */
static int add_lines(Scan *scan, char *text, size_t size) {
        text[size] = '\0';
        for (char *line = text, *end; line < text + size; line = end + 1) {
                int r;

                end = line + strcspn(line, "\n");
                *end = '\0';
                r = add_line(scan, line);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_record_file(Scan *scan, int dir_fd, const char *name) {
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        struct stat st;

        fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        scan->record->n_files++;
        text = malloc(FILE_BYTES_MAX + 1);
        if (!text)
                return -ENOMEM;
        while (size < FILE_BYTES_MAX) {
                ssize_t n = read(fd, text + size, FILE_BYTES_MAX - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        break;
                size += (size_t) n;
        }
        return add_lines(scan, text, size);
}

static int read_directory(Scan *scan, int parent_fd, const char *path, unsigned depth) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r, error;

        if (file_opendir(parent_fd, path, &dir) < 0)
                return 0;
        while ((name = file_readdir(dir, &error))) {
                struct stat st;

                if (scan->record->n_files >= FILES_MAX) {
                        scan->record->is_cut = true;
                        return 0;
                }
                if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                r = 0;
                if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
                        r = read_directory(scan, dirfd(dir), name, depth + 1);
                else if (S_ISREG(st.st_mode))
                        r = read_record_file(scan, dirfd(dir), name);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* On CLOCK_MONOTONIC; a stage logs its summary last. */
static usec_t entry_end(const Entry *entry) {
        usec_t end = entry->started_usec;

        if (entry->kind == ENTRY_SUMMARY)
                return USEC_INFINITY;
        if (entry->kind == ENTRY_RELEASED)
                return entry->stage_usec + entry->released_usec;
        for (Phase p = 0; p < _PHASE_MAX; p++)
                end += entry->phase_usec[p];
        return end;
}

static int compare_entries(const void *a, const void *b) {
        const Entry *x = a, *y = b;
        int r;

        r = strcmp(x->boot_id, y->boot_id);
        if (r != 0)
                return r;
        r = CMP(x->stage, y->stage);
        if (r != 0)
                return r;
        r = CMP(entry_end(x), entry_end(y));
        return r != 0 ? r : strverscmp(x->address, y->address);
}

int pstore_record_read(int root_fd, bool (*wanted)(void *userdata, const char *boot_id),
                       void *userdata, PstoreRecord *ret) {
        _cleanup_pstore_record_ PstoreRecord record = PSTORE_RECORD_INIT;
        Scan scan = { .wanted = wanted, .userdata = userdata, .record = &record };
        int r;

        r = read_directory(&scan, root_fd, "var/lib/systemd/pstore", 1);
        if (r < 0)
                return r;
        r = read_directory(&scan, root_fd, "sys/fs/pstore", 1);
        if (r < 0)
                return r;
        if (record.entries.n > 0)
                qsort(record.entries.items, record.entries.n, sizeof(Entry), compare_entries);
        *ret = TAKE(record, PSTORE_RECORD_INIT);
        return 0;
}

void pstore_record_done(PstoreRecord *record) {
        entry_list_done(&record->entries);
        *record = PSTORE_RECORD_INIT;
}
