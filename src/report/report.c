/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See report.h. */

#include "report/report.h"

#include "report/gaps.h"

static const JournalBoot *find_by_id(const JournalRecord *journal, const char *id) {
        for (size_t i = 0; i < journal->n_boots; i++)
                if (STREQ(journal->boots[i].id, id))
                        return &journal->boots[i];
        return NULL;
}

static const JournalBoot *find_by_offset(const JournalRecord *journal, long offset) {
        long n = (long) journal->n_boots, index = offset > 0 ? offset - 1 : n - 1 + offset;

        return index >= 0 && index < n ? &journal->boots[index] : NULL;
}

static const JournalBoot *find_last_record(const JournalRecord *journal) {
        for (size_t i = journal->n_boots; i > 0; i--)
                if (journal->boots[i - 1].has_record)
                        return &journal->boots[i - 1];
        return NULL;
}

const JournalBoot *report_find_boot(const JournalRecord *journal, const char *spec, bool is_ours,
                                    bool *ret_is_valid) {
        long offset;
        char *end;

        *ret_is_valid = true;
        if (!spec)
                return is_ours ? find_by_offset(journal, -1) : find_last_record(journal);
        if (entry_is_boot_id(spec))
                return find_by_id(journal, spec);
        errno = 0;
        offset = strtol(spec, &end, 10);
        if (end == spec || *end || errno) {
                *ret_is_valid = false;
                return NULL;
        }
        return find_by_offset(journal, offset);
}

int report_make(JournalRecord *journal, const JournalBoot *boot, int root_fd, const Config *config,
                Report *ret) {
        _cleanup_entry_list_ EntryList entries = ENTRY_LIST_INIT;
        _cleanup_report_ Report report = REPORT_INIT;
        int r;

        if (boot) {
                memcpy(report.boot_id, boot->id, sizeof(report.boot_id));
                report.began_usec = boot->began_usec;
                r = journal_record_read(journal, boot->id, &entries);
                if (r < 0)
                        return r;
        }
        r = history_make(entries.items, entries.n, &report.history);
        if (r < 0)
                return r;
        r = gaps_explain(journal, boot, root_fd, config, &report.history, &report.notes);
        if (r < 0)
                return r;
        *ret = TAKE(report, REPORT_INIT);
        return 0;
}

void report_done(Report *report) {
        history_done(&report->history);
        lines_done(&report->notes);
        *report = REPORT_INIT;
}
