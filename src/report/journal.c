/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sd-journal; see journal.h. */

#include "report/journal.h"

#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "base/text.h"

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

/* Anybody can send journald an entry with our MESSAGE_ID; services' entries are in the journal that
 * we read, and a volatile journal has all. So only root's count: journald itself says who sent it
 * (systemd.journal-fields(7), "Trusted Journal Fields"). */
static int add_root_match(sd_journal *journal) {
        return add_match(journal, "_UID", "0");
}

/* The value of a field of the entry at which the journal stands, as text. */
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

/* Each value of the field that looks like a boot id becomes a boot. */
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

/* 1: the journal stands at the first entry with field=value; 0: there is none; -errno. */
static int seek_first(sd_journal *journal, const char *field, const char *value, bool by_root) {
        int r;

        sd_journal_flush_matches(journal);
        r = add_match(journal, field, value);
        if (r >= 0 && by_root)
                r = add_root_match(journal);
        if (r >= 0)
                r = sd_journal_seek_head(journal);
        return r < 0 ? r : sd_journal_next(journal);
}

/* A boot of which only imported entries tell comes before the one that imported them. order_usec
 * stays 0 for one that nothing of the kernel's or root's tells of. */
static int date_boot(JournalRecord *record, JournalBoot *boot) {
        char importer[BOOT_ID_MAX];
        uint64_t realtime, monotonic;
        sd_id128_t ignored;
        int r;

        r = seek_first(record->journal, "_BOOT_ID", boot->id, false);
        if (r > 0 && sd_journal_get_realtime_usec(record->journal, &realtime) >= 0 &&
            sd_journal_get_monotonic_usec(record->journal, &monotonic, &ignored) >= 0) {
                boot->order_usec = realtime;
                boot->began_usec = realtime > monotonic ? realtime - monotonic : 0;
                return 0;
        }
        if (r >= 0)
                r = seek_first(record->journal, "NVME_SHUTDOWN_BOOT_ID", boot->id, true);
        if (r > 0 && get_text(record->journal, "_BOOT_ID", importer, sizeof(importer)))
                r = seek_first(record->journal, "_BOOT_ID", importer, false);
        if (r > 0 && sd_journal_get_realtime_usec(record->journal, &realtime) >= 0)
                boot->order_usec = realtime - 1;
        return r < 0 ? r : 0;
}

/* What the next boot says of the drives is none: that it says at every boot. */
static int look_for_record(JournalRecord *record, JournalBoot *boot) {
        sd_journal *journal = record->journal;
        int r;

        sd_journal_flush_matches(journal);
        r = add_match(journal, "NVME_SHUTDOWN_BOOT_ID", boot->id);
        if (r >= 0)
                r = add_root_match(journal);
        if (r >= 0)
                r = add_match(journal, "MESSAGE_ID", entry_message_id(ENTRY_CONTROLLER));
        if (r >= 0)
                r = add_match(journal, "MESSAGE_ID", entry_message_id(ENTRY_SUMMARY));
        if (r >= 0)
                r = sd_journal_seek_head(journal);
        if (r >= 0)
                r = sd_journal_next(journal);
        boot->has_record = r > 0;
        return r < 0 ? r : 0;
}

static int compare_boots(const void *a, const void *b) {
        const JournalBoot *x = a, *y = b;

        return CMP(x->order_usec, y->order_usec);
}

/* sd_journal_query_unique() knows no matches: it has found what others made up as well. */
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
        if (r >= 0)
                r = collect_boots(record, "NVME_SHUTDOWN_BOOT_ID");
        for (size_t i = 0; r >= 0 && i < record->n_boots; i++)
                r = date_boot(record, &record->boots[i]);
        forget_made_up_boots(record);
        for (size_t i = 0; r >= 0 && i < record->n_boots; i++)
                r = look_for_record(record, &record->boots[i]);
        if (r >= 0 && record->n_boots > 0)
                qsort(record->boots, record->n_boots, sizeof(JournalBoot), compare_boots);
        sd_journal_flush_matches(record->journal);
        return r;
}

int journal_record_open(const char *path, JournalRecord *ret) {
        JournalRecord record = JOURNAL_RECORD_INIT;
        const char *paths[] = { path, NULL };
        struct stat st;
        int r;

        if (!path)
                r = sd_journal_open(&record.journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        else if (stat(path, &st) < 0)
                r = -errno;
        else if (S_ISDIR(st.st_mode))
                r = sd_journal_open_directory(&record.journal, path, 0);
        else
                r = sd_journal_open_files(&record.journal, paths, 0);
        if (r < 0)
                return r;
        r = list_boots(&record);
        if (r < 0) {
                journal_record_done(&record);
                return r;
        }
        *ret = record;
        return 0;
}

void journal_record_done(JournalRecord *record) {
        sd_journal_close(record->journal);
        free(record->boots);
        *record = JOURNAL_RECORD_INIT;
}

/* An import that was broken off is begun again: the same entry may be there twice. */
static bool is_known(const EntryList *list, const Entry *entry) {
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].kind == entry->kind && list->items[i].stage == entry->stage &&
                    STREQ(list->items[i].address, entry->address))
                        return true;
        return false;
}

static int read_entry(sd_journal *journal, EntryList *list) {
        Entry entry = { .kind = _ENTRY_KIND_INVALID };
        const void *data;
        size_t length;
        int r;

        SD_JOURNAL_FOREACH_DATA(journal, data, length)
        entry_take_field(&entry, data, length);
        if (entry_check(&entry) < 0 || is_known(list, &entry))
                return 0;
        r = entry_list_append(list, &entry);
        return r;
}

int journal_record_read(JournalRecord *record, const char *boot_id, EntryList *ret) {
        EntryList list = ENTRY_LIST_INIT;
        int r = 0;

        sd_journal_flush_matches(record->journal);
        for (EntryKind kind = 0; r >= 0 && kind < _ENTRY_KIND_MAX; kind++)
                r = add_match(record->journal, "MESSAGE_ID", entry_message_id(kind));
        if (r >= 0)
                r = add_match(record->journal, "NVME_SHUTDOWN_BOOT_ID", boot_id);
        if (r >= 0)
                r = add_root_match(record->journal);
        if (r >= 0)
                r = sd_journal_seek_head(record->journal);
        while (r >= 0 && (r = sd_journal_next(record->journal)) > 0)
                r = read_entry(record->journal, &list);
        if (r < 0) {
                entry_list_done(&list);
                return r;
        }
        *ret = list;
        return 0;
}

int journal_record_remarks(JournalRecord *record, const char *boot_id, size_t max,
                           char **ret_remarks) {
        sd_journal *journal = record->journal;
        char text[1024];
        size_t n = 0;
        int r;

        *ret_remarks = NULL;
        sd_journal_flush_matches(journal);
        r = add_match(journal, "SYSLOG_IDENTIFIER", "nvme-async-shutdown");
        if (r >= 0)
                r = add_match(journal, "_BOOT_ID", boot_id);
        if (r >= 0)
                r = add_root_match(journal);
        if (r >= 0)
                r = sd_journal_seek_tail(journal);
        while (r >= 0 && n < max && (r = sd_journal_previous(journal)) > 0) {
                if (get_text(journal, "MESSAGE_ID", text, sizeof(text)) ||
                    !get_text(journal, "MESSAGE", text, sizeof(text)))
                        continue;
                memmove(ret_remarks + 1, ret_remarks, (n + 1) * sizeof(*ret_remarks));
                ret_remarks[0] = strdup(text);
                n++;
                if (!ret_remarks[0])
                        return -ENOMEM;
        }
        return r < 0 ? r : 0;
}
