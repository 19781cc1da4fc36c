/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words; see entry_text.h. */

#include "record/entry_text.h"

#include <inttypes.h>

#include "base/text.h"

#define ENTRY_HEAD_MAX 160

static const char *or_unknown(const char *text) {
        return *text ? text : "-";
}

/* "nvme0 0000:01:00.0: left, flushed": what stands before the reason. */
static void format_head(const Entry *entry, char *buffer, size_t size) {
        usec_t usec = entry->phase_usec[PHASE_SHUTDOWN];
        char seconds[TEXT_USEC_MAX];

        (void) text_format_seconds(seconds, usec);
        (void) snprintf(buffer, size, "%s %s: %s%s%s%s", or_unknown(entry->name), entry->address,
                        outcome_to_string(entry->outcome), usec > 0 ? " in " : "",
                        usec > 0 ? seconds : "",
                        entry->is_flushed && entry->outcome == OUTCOME_LEFT ? ", flushed" : "");
}

void entry_text_format(const Entry *entry, char *buffer, size_t size) {
        const unsigned *n = entry->totals.count;
        char head[ENTRY_HEAD_MAX], elapsed[TEXT_USEC_MAX], serial[TEXT_USEC_MAX],
                saved[TEXT_USEC_MAX], by_word[48] = "";

        switch (entry->kind) {
        case ENTRY_CONTROLLER:
                format_head(entry, head, sizeof(head));
                (void) snprintf(buffer, size, "%s%s%s", head, *entry->reason ? ": " : "",
                                entry->reason);
                break;
        case ENTRY_RELEASED:
                (void) text_format_seconds(elapsed, entry->released_usec);
                (void) snprintf(buffer, size, "%s %s released after %u child%s, %s", entry->device,
                                entry->address, entry->n_children,
                                entry->n_children == 1 ? "" : "ren", elapsed);
                break;
        case ENTRY_POWER_CLEAN:
                (void) snprintf(buffer, size,
                                "%s %s went down cleanly: its power was cut, and it counts no "
                                "unsafe shutdown more",
                                or_unknown(entry->name), entry->address);
                break;
        case ENTRY_POWER_UNSAFE:
                (void) snprintf(
                        buffer, size,
                        "%s %s did not go down cleanly: it counts %" PRIu64
                        " unsafe shutdown%s more than at the last boot, %" PRIu64 " in all",
                        or_unknown(entry->name), entry->address, entry->new_unsafe_shutdowns,
                        entry->new_unsafe_shutdowns == 1 ? "" : "s", entry->unsafe_shutdowns);
                break;
        case ENTRY_POWER_KEPT:
                (void) snprintf(buffer, size,
                                "%u NVMe drive%s kept power since the last boot: that proves "
                                "nothing about how the last shutdown went",
                                entry->n_drives, entry->n_drives == 1 ? "" : "s");
                break;
        default:
                (void) text_format_seconds(elapsed, entry->totals.elapsed_usec);
                (void) text_format_seconds(serial, entry->totals.serial_usec);
                (void) text_format_seconds(saved, entry->totals.saved_usec);
                if (entry->totals.n_by_word > 0)
                        (void) snprintf(by_word, sizeof(by_word), " (%u by the driver's word)",
                                        entry->totals.n_by_word);
                (void) snprintf(
                        buffer, size,
                        "%u NVMe controllers detached%s in %s, %u left, %u late, %u "
                        "failed, %u vanished, %u unverified; one after the other about %s, saved "
                        "%s",
                        n[OUTCOME_DETACHED], by_word, elapsed, n[OUTCOME_LEFT], n[OUTCOME_LATE],
                        n[OUTCOME_FAILED], n[OUTCOME_VANISHED], n[OUTCOME_UNVERIFIED], serial,
                        saved);
        }
}

/* Copies what stands before the delimiter; a target that is set already has to be just that. The
 * text behind the delimiter, or NULL. */
static const char *take_until(const char *text, const char *delimiter, char *target, size_t size) {
        const char *end = *target ? text + strlen(target) : strstr(text, delimiter);

        if (!end || (size_t) (end - text) >= size || (*target && !STARTSWITH(text, target)) ||
            !STARTSWITH(end, delimiter))
                return NULL;
        if (!*target && (end - text != 1 || *text != '-'))
                (void) snprintf(target, size, "%.*s", (int) (end - text), text);
        return end + strlen(delimiter);
}

bool entry_text_take_head(Entry *entry, const char *text) {
        char outcome[16] = "";
        size_t n;

        text = take_until(text, " ", entry->name, sizeof(entry->name));
        if (text)
                text = take_until(text, ": ", entry->address, sizeof(entry->address));
        if (!text)
                return false;
        n = strcspn(text, " ,:");
        (void) snprintf(outcome, sizeof(outcome), "%.*s", (int) n, text);
        entry->outcome = outcome_from_string(outcome);
        text += n;
        if (STARTSWITH(text, " in "))
                text += strcspn(text, ",:");
        entry->is_flushed = entry->is_flushed || STARTSWITH(text, ", flushed");
        return entry->outcome >= 0;
}

bool entry_text_take_reason(Entry *entry, const char *text) {
        char head[ENTRY_HEAD_MAX];
        size_t n;

        if (entry->kind != ENTRY_CONTROLLER)
                return true;
        format_head(entry, head, sizeof(head));
        n = strlen(head);
        if (strncmp(text, head, n) != 0)
                return false;
        text += n;
        if (STARTSWITH(text, ": "))
                (void) snprintf(entry->reason, sizeof(entry->reason), "%s", text + 2);
        return STARTSWITH(text, ": ") || !*text;
}
