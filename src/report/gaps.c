/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One question after the other; see gaps.h. */

#include "report/gaps.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "record/keep.h"
#include "report/imported.h"
#include "report/pstore.h"

#define JOURNAL_DIRECTORY "var/log/journal"
#define REMARKS_MAX 4

typedef struct Question {
        JournalRecord *journal;
        const JournalBoot *boot;
        int root_fd;
        const Config *config;
        const History *history;
        Lines *notes;
} Question;

/* With Storage=auto journald writes to /var/log/journal if that exists. */
static int explain_storage(const Question *q) {
        struct stat root, journal;

        if (q->root_fd < 0)
                return 0;
        if (is_journal_volatile(q->root_fd))
                return lines_add(
                        q->notes,
                        "The journal is volatile: after a shutdown it has only records that "
                        "come through pstore. Storage=persistent in journald.conf "
                        "keeps all.");
        if (fstatat(q->root_fd, JOURNAL_DIRECTORY, &journal, 0) < 0 ||
            fstatat(q->root_fd, ".", &root, 0) < 0 || root.st_dev == journal.st_dev)
                return 0;
        return lines_add(q->notes,
                         "/%s is on a file system of its own, which is unmounted before the stage "
                         "unit runs: the record of that stage comes through pstore, as the "
                         "hook's does.",
                         JOURNAL_DIRECTORY);
}

static int explain_no_boot(const Question *q) {
        int r;

        if (q->journal->n_boots == 0)
                return lines_add(q->notes, "There is no journal that can be read%s.",
                                 q->root_fd >= 0 && geteuid() != 0 ? "; try as root" : "");
        r = lines_add(q->notes, "The journal has no such boot (boots in it: %zu).",
                      q->journal->n_boots);
        return r < 0 ? r : explain_storage(q);
}

/* The last lines that the program logged in that boot say best why it did nothing. */
static int explain_with_remarks(const Question *q) {
        _cleanup_lines_ Lines remarks = LINES_INIT;
        int r;

        r = journal_record_remarks(q->journal, q->boot->id, REMARKS_MAX, &remarks);
        if (r < 0)
                return r;
        for (size_t i = 0; i < remarks.n; i++) {
                r = lines_add(q->notes, "Logged in that boot: %s", remarks.items[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Names the -b that shows a record. */
static int point_to_a_record(const Question *q) {
        for (size_t i = q->journal->n_boots; i > 0; i--)
                if (q->journal->boots[i - 1].has_record)
                        return lines_add(q->notes, "The last shutdown with a record is -b %ld.",
                                         (long) i - (long) q->journal->n_boots);
        return lines_add(q->notes, "The journal has no record of any shutdown.");
}

static size_t count_open(const History *history) {
        size_t n = 0;

        for (size_t i = 0; i < history->n_controllers; i++)
                n += entry_is_open(&history->controllers[i]);
        return n;
}

static bool is_asked_for(void *userdata, const char *boot_id) {
        return STREQ(userdata, boot_id);
}

static bool is_hook_entry(const Question *q, const Entry *entry) {
        return entry->stage == STAGE_HOOK;
}

/* Whether it tells how a controller ended of which the record does not. */
static bool is_missing_end(const Question *q, const Entry *entry) {
        if (entry->kind != ENTRY_CONTROLLER || entry_is_open(entry))
                return false;
        for (size_t i = 0; i < q->history->n_controllers; i++) {
                const Entry *known = &q->history->controllers[i];

                if (entry_is_open(known) && known->stage == entry->stage &&
                    STREQ(known->address, entry->address))
                        return true;
        }
        return false;
}

/* Says so if pstore holds an entry of that boot which is wanted. what: the subject and "is" of the
 * sentence. Returns 1 if it does, 0 if not, or -errno. */
static int explain_import(const Question *q, bool (*is_wanted)(const Question *, const Entry *),
                          const char *what) {
        _cleanup_pstore_record_ PstoreRecord record = PSTORE_RECORD_INIT;
        char boot_id[BOOT_ID_MAX];
        bool is_held = false;
        int r;

        memcpy(boot_id, q->boot->id, sizeof(boot_id));
        r = pstore_record_read(q->root_fd, is_asked_for, boot_id, &record);
        if (r < 0)
                return r;
        for (size_t i = 0; i < record.entries.n && !is_held; i++)
                is_held = is_wanted(q, &record.entries.items[i]);
        if (!is_held)
                return 0;
        r = lines_add(
                q->notes,
                "%s in pstore but not imported: run nvme-async-shutdown import, and systemctl "
                "enable nvme-async-shutdown.service for the next time.",
                what);
        return r < 0 ? r : 1;
}

static int explain_hook(const Question *q) {
        PstoreLog state;
        int r;

        if (q->root_fd < 0)
                return lines_add(q->notes, "This journal has no record of the stage hook.");
        r = explain_import(q, is_hook_entry, "The record of the stage hook is");
        if (r != 0)
                return r < 0 ? r : 0;
        if (!(q->config->stages & (1U << STAGE_HOOK)))
                return lines_add(q->notes, "There is no record of the stage hook: Stages= does not "
                                           "name hook.");
        state = pstore_log_judge(q->root_fd, q->config->persist_log, q->history->action);
        if (state != PSTORE_LOG_KEPT)
                return lines_add(q->notes, "There is no record of the stage hook: %s.",
                                 pstore_log_to_string(state));
        if (faccessat(q->root_fd, STATE_DIRECTORY, F_OK, 0) < 0)
                return lines_add(q->notes, "There is no record of the stage hook: "
                                           "nvme-async-shutdown.service has never run "
                                           "(systemctl enable it).");
        return lines_add(q->notes, "There is no record of the stage hook: the stage had nothing to "
                                   "do, or the back end of pstore did not take it (full, or "
                                   "cleared by the firmware).");
}

/* Workers that a stage did not wait for write to the kernel log. */
static int explain_open(const Question *q) {
        size_t n = count_open(q->history);
        PstoreLog state;
        int r;

        if (n == 0)
                return 0;
        r = lines_add(
                q->notes,
                "%zu controller%s still shutting down when the stage ended; how that ended is "
                "not in this journal.",
                n, n == 1 ? " was" : "s were");
        if (r < 0 || q->root_fd < 0)
                return r;
        r = explain_import(q, is_missing_end, "It is");
        if (r != 0)
                return r < 0 ? r : 0;
        state = pstore_log_judge(q->root_fd, q->config->persist_log, q->history->action);
        if (state != PSTORE_LOG_KEPT)
                return lines_add(
                        q->notes,
                        "It did not outlive the shutdown: %s. Overlap=no makes a stage wait "
                        "for each.",
                        pstore_log_to_string(state));
        return lines_add(q->notes, "The kernel had kept its log before, or the back end of pstore "
                                   "did not take it (full, or cleared by the firmware).");
}

/* A controller that the unit did not take should be in the hook's record. */
static bool is_hook_missing(const History *history) {
        const unsigned *count = history->totals.count;

        return history->has_stage[STAGE_UNIT] && !history->has_stage[STAGE_HOOK] &&
               count[OUTCOME_LEFT] + count[OUTCOME_FAILED] + count[OUTCOME_LATE] > 0;
}

static int explain_incomplete(const Question *q, Stage stage) {
        const char *name = stage_to_string(stage), *hint = "";
        const size_t found = q->history->n_found[stage], expected = q->history->n_expected[stage];

        if (!q->history->has_summary[stage])
                return lines_add(q->notes,
                                 "The summary of the stage %s is missing: there may be more "
                                 "controllers than the %zu whose entries are there.",
                                 name, found);
        if (stage != STAGE_UNIT)
                hint = " (pstore.kmsg_bytes= on the kernel command line sets how much of its log "
                       "the kernel keeps)";
        return lines_add(q->notes,
                         "%zu of %zu entries of the stage %s are there; the others are lost%s. "
                         "The totals count all.",
                         found, expected, name, hint);
}

static int explain_unit(const Question *q) {
        int r = lines_add(q->notes, "The stage unit has left no record: it is not enabled, did not "
                                    "run (systemctl reboot -f), or its journal is gone.");

        return r < 0 ? r : explain_storage(q);
}

static int explain_no_record(const Question *q) {
        const JournalBoot *last = &q->journal->boots[q->journal->n_boots - 1];
        int r;

        r = lines_add(q->notes, "%s",
                      q->root_fd >= 0 && q->boot == last ? "This boot has not been shut down yet."
                                                         : "There is no record of that shutdown.");
        if (r < 0)
                return r;
        r = explain_with_remarks(q);
        if (r < 0)
                return r;
        r = explain_hook(q);
        if (r < 0)
                return r;
        r = explain_storage(q);
        return r < 0 ? r : point_to_a_record(q);
}

int gaps_explain(JournalRecord *journal, const JournalBoot *boot, int root_fd, const Config *config,
                 const History *history, Lines *notes) {
        const Question q = { journal, boot, root_fd, config, history, notes };
        int r;

        if (!boot) {
                r = explain_no_boot(&q);
                return r < 0 || journal->n_boots == 0 ? r : point_to_a_record(&q);
        }
        for (Stage stage = 0; stage < _STAGE_MAX; stage++) {
                if (!history->has_stage[stage] || history_is_whole(history, stage))
                        continue;
                r = explain_incomplete(&q, stage);
                if (r < 0)
                        return r;
        }
        if (!history_has_record(history))
                return explain_no_record(&q);
        r = explain_open(&q);
        if (r < 0)
                return r;
        if (is_hook_missing(history))
                return explain_hook(&q);
        return history->has_stage[STAGE_UNIT] ? 0 : explain_unit(&q);
}
