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
        Notes *notes;
} Question;

/* journald stores into /var/log/journal if that exists (Storage=auto). */
static void explain_volatile(const Question *q) {
        struct stat root, journal;

        if (q->root_fd < 0)
                return;
        if (is_journal_volatile(q->root_fd))
                notes_add(q->notes, "The journal is volatile: what is logged before a "
                                    "shutdown is gone after it, but for what comes by pstore. "
                                    "Storage=persistent in journald.conf keeps it.");
        else if (fstatat(q->root_fd, JOURNAL_DIRECTORY, &journal, 0) >= 0 &&
                 fstatat(q->root_fd, ".", &root, 0) >= 0 && root.st_dev != journal.st_dev)
                notes_add(q->notes,
                          "/%s is on a file system of its own, which is unmounted before the stage "
                          "unit: what that stage logs comes by pstore, as the hook's record does.",
                          JOURNAL_DIRECTORY);
}

static void explain_no_boot(const Question *q) {
        if (q->journal->n_boots == 0) {
                notes_add(q->notes, "There is no journal that can be read%s.",
                          q->root_fd >= 0 && geteuid() != 0 ? "; try as root" : "");
                return;
        }
        notes_add(q->notes, "The journal has no such boot; it knows %zu.", q->journal->n_boots);
        explain_volatile(q);
}

/* What we said in that boot tells best why we did nothing. */
static int explain_with_remarks(const Question *q) {
        char *remarks[REMARKS_MAX + 1];
        int r;

        r = journal_record_remarks(q->journal, q->boot->id, REMARKS_MAX, remarks);
        for (size_t i = 0; remarks[i]; i++) {
                notes_add(q->notes, "It said: %s", remarks[i]);
                free(remarks[i]);
        }
        return r;
}

/* Which -b would have shown one. */
static void point_to_a_record(const Question *q) {
        for (size_t i = q->journal->n_boots; i > 0; i--)
                if (q->journal->boots[i - 1].has_record) {
                        notes_add(q->notes, "The last shutdown with a record is -b %ld.",
                                  (long) i - (long) q->journal->n_boots);
                        return;
                }
        notes_add(q->notes, "The journal has no record of any shutdown.");
}

static bool is_asked_for(void *userdata, const char *boot_id) {
        return STREQ(userdata, boot_id);
}

/* 1: it lies there. */
static int waits_in_pstore(const Question *q) {
        PstoreRecord record = PSTORE_RECORD_INIT;
        char boot_id[BOOT_ID_MAX];
        int r;

        memcpy(boot_id, q->boot->id, sizeof(boot_id));
        r = pstore_record_read(q->root_fd, is_asked_for, boot_id, &record);
        if (r >= 0)
                r = record.entries.n > 0;
        pstore_record_done(&record);
        return r;
}

static int explain_hook(const Question *q, const char *what) {
        PstoreLog state;
        int r;

        if (q->root_fd < 0) {
                notes_add(q->notes, "%s is not in this journal.", what);
                return 0;
        }
        r = waits_in_pstore(q);
        if (r < 0)
                return r;
        if (r > 0) {
                notes_add(q->notes,
                          "%s is in pstore but not imported: run nvme-async-shutdown import, and "
                          "systemctl enable nvme-async-shutdown.service for the next time.",
                          what);
                return 0;
        }
        state = pstore_log_judge(q->root_fd, q->config->persist_log, q->history->action);
        if (!(q->config->stages & (1U << STAGE_HOOK)))
                notes_add(q->notes, "%s is not there: Stages= does not name hook.", what);
        else if (state != PSTORE_LOG_KEPT)
                notes_add(q->notes, "%s is not there: %s.", what, pstore_log_to_string(state));
        else if (faccessat(q->root_fd, STATE_DIRECTORY, F_OK, 0) < 0)
                notes_add(q->notes,
                          "%s is not there: nvme-async-shutdown.service has never run "
                          "(systemctl enable it).",
                          what);
        else
                notes_add(q->notes,
                          "%s is not there: the stage had nothing to do, or the back end of pstore "
                          "did not take it (full, or cleared by the firmware).",
                          what);
        return 0;
}

/* The unit leaves something to the hook, which says what became of that. */
static bool is_hook_missing(const History *history) {
        const unsigned *count = history->totals.count;

        return history->has_stage[STAGE_UNIT] && !history->has_stage[STAGE_HOOK] &&
               count[OUTCOME_LEFT] + count[OUTCOME_FAILED] + count[OUTCOME_LATE] > 0;
}

static void explain_incomplete(const Question *q, Stage stage) {
        const char *name = stage_to_string(stage);
        const size_t found = q->history->n_found[stage], expected = q->history->n_expected[stage];

        if (!q->history->has_summary[stage])
                notes_add(q->notes,
                          "The summary of the stage %s is missing: there may be more controllers "
                          "than the %zu whose entries are there.",
                          name, found);
        else
                notes_add(q->notes,
                          "%zu of %zu entries of the stage %s are there; the others are lost%s. "
                          "The totals count all.",
                          found, expected, name,
                          stage == STAGE_UNIT
                                  ? ""
                                  : " (pstore.kmsg_bytes= on the kernel command line is how much "
                                    "the kernel keeps of its log)");
}

static void explain_unit(const Question *q) {
        notes_add(q->notes, "The stage unit has left no record: it is not enabled, did not run "
                            "(systemctl reboot -f), or its journal is gone.");
        explain_volatile(q);
}

int missing_explain(JournalRecord *journal, const JournalBoot *boot, int root_fd,
                    const Config *config, const History *history, Notes *notes) {
        const Question q = { journal, boot, root_fd, config, history, notes };
        int r = 0;

        if (!boot) {
                explain_no_boot(&q);
                if (journal->n_boots > 0)
                        point_to_a_record(&q);
                return 0;
        }
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                if (history->has_stage[stage] && !history_is_whole(history, stage))
                        explain_incomplete(&q, stage);
        if (!history->has_stage[STAGE_UNIT] && !history->has_stage[STAGE_HOOK] &&
            !history->has_stage[STAGE_EXITRD]) {
                if (root_fd >= 0 && boot == &journal->boots[journal->n_boots - 1])
                        notes_add(notes, "This boot has not been shut down yet.");
                else
                        notes_add(notes, "There is no record of that shutdown.");
                r = explain_with_remarks(&q);
                if (r >= 0)
                        r = explain_hook(&q, "A record of the stage hook");
                explain_volatile(&q);
                point_to_a_record(&q);
        } else if (is_hook_missing(history))
                r = explain_hook(&q, "The record of the stage hook");
        else if (!history->has_stage[STAGE_UNIT])
                explain_unit(&q);
        return r < 0 ? r : 0;
}
