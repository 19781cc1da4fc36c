/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See journal.h. */

#include "report/journal.h"

#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "base/text.h"
#include "record/entry_line.h"

#define KERNEL_LINE_MAX 1024

void entry_list_done(EntryList *list) {
        free(list->items);
        *list = ENTRY_LIST_INIT;
}

int entry_list_append(EntryList *list, const Entry *entry) {
        Entry *larger = reallocarray(list->items, list->n + 1, sizeof(Entry));

        if (!larger)
                return -ENOMEM;
        list->items = larger;
        larger[list->n++] = *entry;
        return 0;
}

static int add_match(sd_journal *journal, const char *field, const char *value) {
        char match[128];

        (void) snprintf(match, sizeof(match), "%s=%s", field, value);
        return sd_journal_add_match(journal, match, 0);
}

/* Any process can send journald an entry with our MESSAGE_ID, and the system's journal holds the
 * entries of services, a volatile one those of users too. journald itself adds the sender's _UID=
 * (systemd.journal-fields(7), "Trusted Journal Fields"). */
static int add_root_match(sd_journal *journal) {
        return add_match(journal, "_UID", "0");
}

/* Gets a field of the current entry as printable text. */
static bool get_text(sd_journal *journal, const char *field, char *buffer, size_t size) {
        size_t length, skip = strlen(field) + 1;
        const void *data;

        if (sd_journal_get_data(journal, field, &data, &length) < 0 || length < skip)
                return false;
        (void) snprintf(buffer, size, "%.*s", (int) (length - skip), (const char *) data + skip);
        text_make_printable(buffer);
        return true;
}

static JournalBoot *find_boot(JournalRecord *record, const char *id) {
        for (size_t i = 0; i < record->n_boots; i++)
                if (STREQ(record->boots[i].id, id))
                        return &record->boots[i];
        return NULL;
}

static int add_boot(JournalRecord *record, const char *id) {
        JournalBoot *larger;

        if (find_boot(record, id))
                return 0;
        larger = reallocarray(record->boots, record->n_boots + 1, sizeof(JournalBoot));
        if (!larger)
                return -ENOMEM;
        record->boots = larger;
        larger[record->n_boots] = (JournalBoot){};
        (void) snprintf(larger[record->n_boots++].id, BOOT_ID_MAX, "%s", id);
        return 0;
}

/* Adds a boot for each value of the field that looks like a boot id. */
static int collect_boots(JournalRecord *record, const char *field) {
        const size_t skip = strlen(field) + 1;
        const void *data;
        size_t length;
        int r;

        r = sd_journal_query_unique(record->journal, field);
        if (r < 0)
                return r;
        while ((r = sd_journal_enumerate_available_unique(record->journal, &data, &length)) > 0) {
                char id[BOOT_ID_MAX];

                if (length != skip + BOOT_ID_MAX - 1)
                        continue;
                (void) snprintf(id, sizeof(id), "%.*s", BOOT_ID_MAX - 1,
                                (const char *) data + skip);
                r = add_boot(record, id);
                if (r < 0)
                        return r;
        }
        return r;
}

/* Moves to the first entry that matches. Returns 1, 0 if there is none, or -errno. */
static int seek_first_match(sd_journal *journal) {
        int r = sd_journal_seek_head(journal);

        return r < 0 ? r : sd_journal_next(journal);
}

/* Moves to the first entry with field=value; by_root: of those that root wrote. Returns as
 * above. */
static int seek_first(sd_journal *journal, const char *field, const char *value, bool by_root) {
        int r;

        sd_journal_flush_matches(journal);
        r = add_match(journal, field, value);
        if (r < 0)
                return r;
        if (by_root) {
                r = add_root_match(journal);
                if (r < 0)
                        return r;
        }
        return seek_first_match(journal);
}

/* A boot that only imported entries name is sorted right before the boot that imported them. */
static int date_imported_boot(JournalRecord *record, JournalBoot *boot) {
        char importer[BOOT_ID_MAX];
        uint64_t realtime;
        int r;

        r = seek_first(record->journal, "NVME_SHUTDOWN_BOOT_ID", boot->id, true);
        if (r <= 0 || !get_text(record->journal, "_BOOT_ID", importer, sizeof(importer)))
                return r;
        r = seek_first(record->journal, "_BOOT_ID", importer, false);
        if (r > 0 && sd_journal_get_realtime_usec(record->journal, &realtime) >= 0)
                boot->order_usec = realtime - 1;
        return r;
}

/* Leaves order_usec at 0 if neither the boot itself nor root has logged anything about it. Returns
 * -errno, or at least 0. */
static int date_boot(JournalRecord *record, JournalBoot *boot) {
        uint64_t realtime, monotonic;
        sd_id128_t ignored;
        int r;

        r = seek_first(record->journal, "_BOOT_ID", boot->id, false);
        if (r < 0)
                return r;
        if (r == 0 || sd_journal_get_realtime_usec(record->journal, &realtime) < 0 ||
            sd_journal_get_monotonic_usec(record->journal, &monotonic, &ignored) < 0)
                return date_imported_boot(record, boot);
        boot->order_usec = realtime;
        boot->began_usec = realtime > monotonic ? realtime - monotonic : 0;
        return 0;
}

/* The entries about the drives' power don't count: the next boot writes them in any case. */
static int look_for_record(JournalRecord *record, JournalBoot *boot) {
        static const EntryKind kinds[] = { ENTRY_CONTROLLER, ENTRY_SUMMARY, ENTRY_PROGRAM };
        sd_journal *journal = record->journal;
        int r;

        sd_journal_flush_matches(journal);
        r = add_match(journal, "NVME_SHUTDOWN_BOOT_ID", boot->id);
        if (r < 0)
                return r;
        r = add_root_match(journal);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                r = add_match(journal, "MESSAGE_ID", entry_message_id(kinds[i]));
                if (r < 0)
                        return r;
        }
        r = seek_first_match(journal);
        boot->has_record = r > 0;
        return r;
}

static int compare_boots(const void *a, const void *b) {
        const JournalBoot *x = a, *y = b;

        return CMP(x->order_usec, y->order_usec);
}

/* sd_journal_query_unique() ignores matches and lists boot ids that other users made up. */
static void forget_made_up_boots(JournalRecord *record) {
        size_t n = 0;

        for (size_t i = 0; i < record->n_boots; i++)
                if (record->boots[i].order_usec > 0)
                        record->boots[n++] = record->boots[i];
        record->n_boots = n;
}

static int list_boots(JournalRecord *record) {
        int r;

        r = collect_boots(record, "_BOOT_ID");
        if (r < 0)
                return r;
        r = collect_boots(record, "NVME_SHUTDOWN_BOOT_ID");
        if (r < 0)
                return r;
        for (size_t i = 0; i < record->n_boots; i++) {
                r = date_boot(record, &record->boots[i]);
                if (r < 0)
                        return r;
        }
        forget_made_up_boots(record);
        for (size_t i = 0; i < record->n_boots; i++) {
                r = look_for_record(record, &record->boots[i]);
                if (r < 0)
                        return r;
        }
        if (record->n_boots > 0)
                qsort(record->boots, record->n_boots, sizeof(JournalBoot), compare_boots);
        sd_journal_flush_matches(record->journal);
        return 0;
}

static int open_journal(const char *path, sd_journal **ret) {
        const char *paths[] = { path, NULL };
        struct stat st;

        if (!path)
                return sd_journal_open(ret, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (stat(path, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return sd_journal_open_directory(ret, path, 0);
        return sd_journal_open_files(ret, paths, 0);
}

int journal_record_open(const char *path, JournalRecord *ret) {
        _cleanup_journal_record_ JournalRecord record = JOURNAL_RECORD_INIT;
        int r;

        r = open_journal(path, &record.journal);
        if (r < 0)
                return r;
        r = list_boots(&record);
        if (r < 0)
                return r;
        *ret = TAKE(record, JOURNAL_RECORD_INIT);
        return 0;
}

void journal_record_done(JournalRecord *record) {
        sd_journal_close(record->journal);
        free(record->boots);
        *record = JOURNAL_RECORD_INIT;
}

/* An import that was interrupted starts over, and it brings lines that journald has read from the
 * kernel log, so the journal may hold the same entry more than once. */
static bool is_known(const EntryList *list, const Entry *entry) {
        for (size_t i = 0; i < list->n; i++)
                if (entry_is_same(&list->items[i], entry))
                        return true;
        return false;
}

static int read_entry(sd_journal *journal, EntryList *list) {
        Entry entry = { .kind = _ENTRY_KIND_INVALID };
        const void *data;
        size_t length;

        SD_JOURNAL_FOREACH_DATA(journal, data, length)
        entry_take_field(&entry, data, length);
        if (entry_check(&entry) < 0 || is_known(list, &entry))
                return 0;
        return entry_list_append(list, &entry);
}

static int match_entries(sd_journal *journal, const char *boot_id) {
        int r;

        sd_journal_flush_matches(journal);
        for (EntryKind kind = 0; kind < _ENTRY_KIND_MAX; kind++) {
                r = add_match(journal, "MESSAGE_ID", entry_message_id(kind));
                if (r < 0)
                        return r;
        }
        r = add_match(journal, "NVME_SHUTDOWN_BOOT_ID", boot_id);
        return r < 0 ? r : add_root_match(journal);
}

/* journald has also read what workers of the unit wrote to the kernel log before it was stopped. */
static int match_kernel_lines(sd_journal *journal, const char *boot_id) {
        int r;

        sd_journal_flush_matches(journal);
        r = add_match(journal, "SYSLOG_IDENTIFIER", "nvme-async-shutdown");
        if (r < 0)
                return r;
        r = add_match(journal, "_TRANSPORT", "kernel");
        return r < 0 ? r : add_match(journal, "_BOOT_ID", boot_id);
}

static int read_kernel_line(sd_journal *journal, const char *boot_id, EntryList *list) {
        char line[KERNEL_LINE_MAX] = "nvme-async-shutdown: ";
        size_t n = strlen(line);
        Entry entry;

        if (!get_text(journal, "MESSAGE", line + n, sizeof(line) - n) ||
            entry_parse_line(line, &entry) < 0 || !STREQ(entry.boot_id, boot_id) ||
            is_known(list, &entry))
                return 0;
        return entry_list_append(list, &entry);
}

static int read_kernel_lines(sd_journal *journal, const char *boot_id, EntryList *list) {
        int r;

        r = match_kernel_lines(journal, boot_id);
        if (r < 0)
                return r;
        r = sd_journal_seek_head(journal);
        if (r < 0)
                return r;
        while ((r = sd_journal_next(journal)) > 0) {
                r = read_kernel_line(journal, boot_id, list);
                if (r < 0)
                        return r;
        }
        return r;
}

int journal_record_read(JournalRecord *record, const char *boot_id, EntryList *ret) {
        _cleanup_entry_list_ EntryList list = ENTRY_LIST_INIT;
        int r;

        r = match_entries(record->journal, boot_id);
        if (r < 0)
                return r;
        r = sd_journal_seek_head(record->journal);
        if (r < 0)
                return r;
        while ((r = sd_journal_next(record->journal)) > 0) {
                r = read_entry(record->journal, &list);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = read_kernel_lines(record->journal, boot_id, &list);
        if (r < 0)
                return r;
        *ret = TAKE(list, ENTRY_LIST_INIT);
        return 0;
}

static int match_remarks(sd_journal *journal, const char *boot_id) {
        int r;

        sd_journal_flush_matches(journal);
        r = add_match(journal, "SYSLOG_IDENTIFIER", "nvme-async-shutdown");
        if (r < 0)
                return r;
        r = add_match(journal, "_BOOT_ID", boot_id);
        return r < 0 ? r : add_root_match(journal);
}

static void reverse_lines(Lines *lines) {
        for (size_t i = 0; i < lines->n / 2; i++) {
                char *line = lines->items[i];

                lines->items[i] = lines->items[lines->n - 1 - i];
                lines->items[lines->n - 1 - i] = line;
        }
}

int journal_record_remarks(JournalRecord *record, const char *boot_id, size_t max, Lines *ret) {
        _cleanup_lines_ Lines remarks = LINES_INIT;
        sd_journal *journal = record->journal;
        char text[1024];
        int r;

        r = match_remarks(journal, boot_id);
        if (r < 0)
                return r;
        r = sd_journal_seek_tail(journal);
        if (r < 0)
                return r;
        while (remarks.n < max && (r = sd_journal_previous(journal)) > 0) {
                if (get_text(journal, "MESSAGE_ID", text, sizeof(text)) ||
                    !get_text(journal, "MESSAGE", text, sizeof(text)))
                        continue;
                r = lines_add(&remarks, "%s", text);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        reverse_lines(&remarks);
        *ret = TAKE(remarks, LINES_INIT);
        return 0;
}
