/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "import": what nvme-async-shutdown.service does at boot. Brings the hook's record from
 * pstore into the journal, asks the drives whether they went down cleanly, keeps their RTD3E for
 * the next shutdown, and has systemd skip the stage units that would do nothing there. */

#include <syslog.h>
#include <systemd/sd-daemon.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/verbs.h"
#include "record/entry.h"
#include "record/record.h"
#include "report/imported.h"
#include "report/power_check.h"
#include "report/pstore.h"
#include "report/report.h"
#include "stage/unit_skip.h"
#include "tree/device_tree.h"
#include "tree/times.h"
#include "trial/rtd3e.h"

static bool is_wanted(void *userdata, const char *boot_id) {
        return !imported_has(userdata, boot_id);
}

/* Entries go to the journal, messages about them to standard error. */
static int open_journal(void) {
        int r = log_open(LOG_TARGET_JOURNAL, LOG_DEBUG);

        if (r < 0)
                (void) log_open(LOG_TARGET_STDERR, LOG_INFO);
        return r;
}

/* Completes the entries with what the lines of the kernel log had no room for. */
static void find_drives(int root_fd, EntryList *entries) {
        _cleanup_topology_ Topology topology = TOPOLOGY_INIT;
        int r;

        r = device_tree_read(root_fd, &topology);
        if (r < 0) {
                log_warning("Could not look at the drives, ignoring: their entries name no model: "
                            "%s",
                            strerror(-r));
                return;
        }
        for (size_t i = 0; i < entries->n; i++)
                if (entries->items[i].kind == ENTRY_CONTROLLER)
                        entry_find_drive(&entries->items[i], &topology);
}

static int remember_boots(int root_fd, const EntryList *entries, Imported *imported) {
        for (size_t i = 0; i < entries->n; i++) {
                int r = imported_add(imported, entries->items[i].boot_id);

                if (r < 0)
                        return r;
        }
        return imported_begin(root_fd, imported);
}

static int log_entries(int root_fd, const EntryList *entries, Imported *imported) {
        size_t n_before = imported->n;
        int r;

        r = remember_boots(root_fd, entries, imported);
        if (r < 0) {
                log_error("Nothing imported, it could not be remembered in /" IMPORTED_PATH ": %s",
                          strerror(-r));
                return r;
        }
        r = open_journal();
        if (r < 0) {
                log_error("Nothing imported, journald does not answer: %s", strerror(-r));
                return r;
        }
        for (size_t i = 0; i < entries->n; i++)
                entry_log(&entries->items[i]);
        (void) log_open(LOG_TARGET_STDERR, LOG_INFO);
        r = imported_commit(imported);
        if (r < 0)
                log_error("/" IMPORTED_PATH ": %s. The same record will be imported again.",
                          strerror(-r));
        else
                log_info("Imported %zu entries about %zu earlier shutdown%s.", entries->n,
                         imported->n - n_before, imported->n - n_before == 1 ? "" : "s");
        return r;
}

static int import_records(int root_fd) {
        _cleanup_pstore_record_ PstoreRecord record = PSTORE_RECORD_INIT;
        _cleanup_imported_ Imported imported = IMPORTED_INIT;
        int r;

        r = imported_read(root_fd, &imported);
        if (r < 0) {
                log_error("/" IMPORTED_PATH ": %s", strerror(-r));
                return r;
        }
        r = pstore_record_read(root_fd, is_wanted, &imported, &record);
        if (r < 0)
                return r;
        if (record.n_broken > 0)
                log_info("%zu lines of the kept kernel log are cut off or damaged, ignoring.",
                         record.n_broken);
        if (record.is_cut)
                log_warning("pstore holds more records than can be read, ignoring the rest.");
        if (record.entries.n == 0) {
                log_info("pstore holds no record that is not imported yet (%zu files).",
                         record.n_files);
                return 0;
        }
        find_drives(root_fd, &record.entries);
        return log_entries(root_fd, &record.entries, &imported);
}

/* A healthy drive answers within milliseconds, but no boot waits for it: a busy one has time. */
#define SMART_TIMEOUT_USEC (10 * USEC_PER_SEC)

static int check_power(int root_fd) {
        Record record = RECORD_INIT;
        size_t n_drives = 0;
        int r;

        r = record_read_boot_id(&record, root_fd);
        if (r >= 0)
                r = open_journal();
        if (r >= 0)
                r = power_check(root_fd, record.boot_id, SMART_TIMEOUT_USEC, &n_drives);
        (void) log_open(LOG_TARGET_STDERR, LOG_INFO);
        if (r < 0)
                log_error("Could not check how the drives went down: %s", strerror(-r));
        else if (n_drives > 0)
                log_info("Asked %zu drives for their SMART log.", n_drives);
        return r;
}

static int keep_times(int root_fd) {
        Topology topology = TOPOLOGY_INIT;
        int r;

        r = device_tree_read(root_fd, &topology);
        if (r >= 0) {
                r = rtd3e_read(root_fd, RTD3E_TIMEOUT_USEC, &topology);
                if (r < 0)
                        log_warning("Could not ask the drives for RTD3E, ignoring: %s",
                                    strerror(-r));
                r = times_write(root_fd, &topology);
        }
        topology_done(&topology);
        if (r < 0)
                log_error("/" TIMES_PATH ": %s. With MaxParallel= the slowest drive may not be the "
                          "first.",
                          strerror(-r));
        else if (r > 0)
                log_info("Kept the RTD3E of %d drives for the next shutdown.", r);
        return r;
}

/* A unit that starts in vain only costs time, so the import does not fail for it. */
static void skip_units(int root_fd) {
        _cleanup_config_ Config config = {};
        _cleanup_lines_ Lines reasons = LINES_INIT;
        int r;

        r = config_read(root_fd, config_log_problem, NULL, &config);
        if (r >= 0)
                r = unit_skip_write(root_fd, &config, &reasons);
        if (r < 0)
                log_warning("/" UNIT_SKIP_PREFIX "*: %s, ignoring: a shutdown may start a stage "
                            "unit that has nothing to do.",
                            strerror(-r));
        for (size_t i = 0; i < reasons.n; i++)
                log_info("The stage unit has nothing to do and will be skipped for %s.",
                         reasons.items[i]);
}

/* The line that "systemctl status nvme-async-shutdown" shows. */
static void describe_shutdown(const History *history, char *line, size_t size) {
        const RecordTotals *totals = &history->totals;
        char elapsed[TEXT_USEC_MAX], serial[TEXT_USEC_MAX];

        if (history->n_total == 0) {
                (void) snprintf(line, size, "The last shutdown left no record");
                return;
        }
        text_format_usec(elapsed, totals->elapsed_usec);
        text_format_usec(serial, totals->serial_usec);
        (void) snprintf(line, size,
                        "Last shutdown (%s): %u of %zu controllers detached in %s, one after the "
                        "other in about %s",
                        action_to_string(history->action), totals->count[OUTCOME_DETACHED],
                        history->n_total, elapsed, serial);
}

/* Tells systemd about the last shutdown, if it has started us. 0 or -errno. */
static int notify_systemd(void) {
        _cleanup_journal_record_ JournalRecord journal = JOURNAL_RECORD_INIT;
        _cleanup_report_ Report report = REPORT_INIT;
        const JournalBoot *boot;
        char line[256];
        bool is_valid;
        int r;

        if (!getenv("NOTIFY_SOCKET"))
                return 0;
        r = journal_record_open(NULL, &journal);
        if (r < 0)
                return r;
        boot = report_find_boot(&journal, NULL, true, &is_valid);
        /* No settings: this does not ask why parts are missing. */
        r = report_make(&journal, boot, -1, NULL, &report);
        if (r < 0)
                return r;
        describe_shutdown(&report.history, line, sizeof(line));
        r = sd_notifyf(0, "STATUS=%s.", line);
        return r < 0 ? r : 0;
}

int verb_import(const Arguments *arguments) {
        int root_fd = file_open_root("/");
        int r, s, t, n;

        if (root_fd < 0) {
                log_error("/: %s", strerror(-root_fd));
                return EXIT_FAILURE;
        }
        r = import_records(root_fd);
        s = check_power(root_fd);
        t = keep_times(root_fd);
        skip_units(root_fd);
        n = notify_systemd();
        if (n < 0)
                log_warning("Could not tell systemd about the last shutdown, ignoring: %s",
                            strerror(-n));
        (void) close(root_fd);
        return r < 0 || s < 0 || t < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
