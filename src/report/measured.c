/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See measured.h. */

#include "report/measured.h"

#include "report/journal.h"

/* A drive changes with its firmware and its age: older shutdowns tell about another one. */
#define SHUTDOWNS 5

/* How well an entry is about a controller. */
typedef enum Match {
        MATCH_NONE,
        MATCH_SERIAL, /* has moved, or is another controller of the same subsystem */
        MATCH_BOTH,
} Match;

static bool is_measured(const Entry *entry) {
        return entry->kind == ENTRY_CONTROLLER && *entry->serial &&
               (entry->outcome == OUTCOME_DETACHED || entry->outcome == OUTCOME_UNVERIFIED) &&
               entry->phase_usec[PHASE_SHUTDOWN] > 0;
}

static Match match(const Entry *entry, const Device *device) {
        const Controller *c = device->controller;

        if (!c->serial || !STREQ(c->serial, entry->serial))
                return MATCH_NONE;
        return STREQ(device->address, entry->address) ? MATCH_BOTH : MATCH_SERIAL;
}

static void take(const EntryList *list, Device *device, Match *best) {
        for (size_t i = 0; i < list->n; i++) {
                const Entry *entry = &list->items[i];
                usec_t usec = entry->phase_usec[PHASE_SHUTDOWN];
                Match found = is_measured(entry) ? match(entry, device) : MATCH_NONE;

                if (found == MATCH_NONE || found < *best)
                        continue;
                if (found > *best || usec > device->controller->measured_usec)
                        device->controller->measured_usec = usec;
                *best = found;
        }
}

static int read_boot(JournalRecord *journal, const char *boot_id, Topology *topology, Match *best) {
        EntryList list = ENTRY_LIST_INIT;
        int r = journal_record_read(journal, boot_id, &list);

        for (size_t i = 0; i < topology->n_devices && r >= 0; i++)
                if (topology->devices[i].controller)
                        take(&list, &topology->devices[i], &best[i]);
        entry_list_done(&list);
        return r;
}

int measured_read(const char *path, Topology *topology) {
        JournalRecord journal = JOURNAL_RECORD_INIT;
        Match *best = calloc(topology->n_devices + 1, sizeof(Match));
        int r = best ? journal_record_open(path, &journal) : -ENOMEM;
        int n = 0;

        for (size_t i = journal.n_boots, left = SHUTDOWNS; i > 0 && left > 0 && r >= 0; i--)
                if (journal.boots[i - 1].has_record) {
                        r = read_boot(&journal, journal.boots[i - 1].id, topology, best);
                        left--;
                }
        for (size_t i = 0; i < topology->n_devices && r >= 0; i++)
                n += best[i] != MATCH_NONE;
        journal_record_done(&journal);
        free(best);
        return r < 0 ? r : n;
}
