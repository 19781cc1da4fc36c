/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of values; see entry_values.h. */

#include "record/entry_values.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/text.h"

/* The kinds of entries that have a value. */
#define CONTROLLER (1U << ENTRY_CONTROLLER)
#define RELEASED (1U << ENTRY_RELEASED)
#define SUMMARY (1U << ENTRY_SUMMARY)
#define POWER (1U << ENTRY_POWER_CLEAN | 1U << ENTRY_POWER_UNSAFE)
#define POWER_KEPT (1U << ENTRY_POWER_KEPT)
#define PROGRAM (1U << ENTRY_PROGRAM)
#define STAGE (CONTROLLER | RELEASED | SUMMARY | PROGRAM)

/* Type, offset and size of a member. */
#define TEXT(member) VALUE_TEXT, offsetof(Entry, member), sizeof(((Entry *) NULL)->member)
#define WORD(type, member) VALUE_##type, offsetof(Entry, member), 0
#define COUNT(member) VALUE_COUNT, offsetof(Entry, member), 0
#define NUMBER(member) VALUE_NUMBER, offsetof(Entry, member), 0

/* In the order of the line: what an admin looks for first comes first. */
const EntryValue entry_values[] = {
        { STAGE, WORD(STAGE, stage), "NVME_STAGE", "stage", true },
        { CONTROLLER, WORD(OUTCOME, outcome), "NVME_OUTCOME", "outcome", true },
        { CONTROLLER, WORD(BOOLEAN, is_verified), "NVME_VERIFIED", "verified", true },
        { CONTROLLER, WORD(BOOLEAN, is_flushed), "NVME_FLUSHED", "flushed", true },
        { CONTROLLER, NUMBER(phase_usec[PHASE_SHUTDOWN]), "NVME_SHUTDOWN_USEC", "usec", true },
        { STAGE | POWER | POWER_KEPT, TEXT(boot_id), "NVME_SHUTDOWN_BOOT_ID", "boot", false,
          "boot" },
        { CONTROLLER | POWER, TEXT(serial), "NVME_SERIAL", "serial", true, "sn" },
        { CONTROLLER | POWER, TEXT(name), "NVME_CONTROLLER", "name", true },
        { RELEASED, TEXT(device), "NVME_DEVICE_KIND", "device", true },
        { CONTROLLER | RELEASED | POWER, TEXT(address), "NVME_PCI_ADDRESS", "address", true },
        { CONTROLLER, TEXT(path), "NVME_PATH", "path", false },
        { CONTROLLER | POWER, TEXT(model), "NVME_MODEL", "model", true },
        { CONTROLLER, TEXT(reason), "NVME_REASON", NULL, true },
        { RELEASED, COUNT(n_children), "NVME_CHILDREN", "children", true },
        { RELEASED, NUMBER(released_usec), "NVME_RELEASED_USEC", "released", true },
        { SUMMARY, COUNT(totals.count[OUTCOME_DETACHED]), "NVME_DETACHED", "detached", true },
        { SUMMARY, COUNT(totals.count[OUTCOME_LEFT]), "NVME_LEFT", "left", true },
        { SUMMARY, COUNT(totals.count[OUTCOME_LATE]), "NVME_LATE", "late", true },
        { SUMMARY, COUNT(totals.count[OUTCOME_FAILED]), "NVME_FAILED", "failed", true },
        { SUMMARY, COUNT(totals.count[OUTCOME_VANISHED]), "NVME_VANISHED", "vanished", true },
        { SUMMARY, COUNT(totals.count[OUTCOME_UNVERIFIED]), "NVME_UNVERIFIED", "unverified", true },
        { SUMMARY, COUNT(totals.count[OUTCOME_BEGUN]), "NVME_BEGUN", "begun", false },
        { SUMMARY, COUNT(totals.n_by_word), "NVME_BY_DRIVERS_WORD", "by_word", false },
        { SUMMARY, NUMBER(totals.elapsed_usec), "ELAPSED_USEC", "elapsed_usec", true },
        { SUMMARY, NUMBER(totals.serial_usec), "SERIAL_USEC", "serial_usec", true },
        { SUMMARY, NUMBER(totals.saved_usec), "SAVED_USEC", "saved_usec", true },
        { PROGRAM, TEXT(program.name), "NVME_RELEASE", "release", true },
        { PROGRAM, WORD(PROGRAM_END, program.end), "NVME_RELEASE_RESULT", "result", true },
        { PROGRAM, COUNT(program.status), "NVME_RELEASE_STATUS", "status", false },
        { PROGRAM, NUMBER(program.usec), "NVME_RELEASE_USEC", "usec", true },
        { PROGRAM, TEXT(program.said), "NVME_RELEASE_SAID", "said", false },
        { STAGE, WORD(ACTION, action), "NVME_ACTION", "action", true },
        { STAGE, NUMBER(stage_usec), "NVME_STAGE_USEC", "began", false },
        { CONTROLLER | RELEASED, NUMBER(n_waited_for), "NVME_WAITED_FOR", "waited", false,
          "waited" },
        { CONTROLLER | RELEASED, TEXT(released_by), "NVME_RELEASED_BY", "after", false, "after" },
        { CONTROLLER, NUMBER(started_usec), "NVME_STARTED_USEC", "started", false, "at" },
        { CONTROLLER, NUMBER(phase_usec[PHASE_FORK]), "NVME_PHASE_FORK_USEC", "fork", false },
        { CONTROLLER, NUMBER(phase_usec[PHASE_CHECK]), "NVME_PHASE_CHECK_USEC", "check", false },
        { CONTROLLER, NUMBER(phase_usec[PHASE_FSYNC]), "NVME_PHASE_FSYNC_USEC", "fsync", false },
        { CONTROLLER, NUMBER(phase_usec[PHASE_VERIFY]), "NVME_PHASE_VERIFY_USEC", "verify", false },
        { POWER, NUMBER(power_cycles), "NVME_POWER_CYCLES", NULL, true },
        { POWER, NUMBER(new_power_cycles), "NVME_NEW_POWER_CYCLES", NULL, true },
        { POWER, NUMBER(unsafe_shutdowns), "NVME_UNSAFE_SHUTDOWNS", NULL, true },
        { POWER, NUMBER(new_unsafe_shutdowns), "NVME_NEW_UNSAFE_SHUTDOWNS", NULL, true },
        { POWER_KEPT, COUNT(n_drives), "NVME_DRIVES", NULL, true },
};

const size_t n_entry_values = ARRAY_SIZE(entry_values);

bool entry_value_is_for(const EntryValue *value, EntryKind kind) {
        return value->kinds & (1U << kind);
}

void entry_value_format(const Entry *entry, const EntryValue *value, char *buffer, size_t size) {
        const void *member = (const char *) entry + value->offset;
        const char *word = "";

        *buffer = '\0';
        switch (value->type) {
        case VALUE_TEXT:
                word = *(const char *) member || !value->key || !value->is_needed ? member : "-";
                break;
        case VALUE_STAGE:
                word = stage_to_string(*(const Stage *) member);
                break;
        case VALUE_ACTION:
                word = action_to_string(*(const Action *) member);
                break;
        case VALUE_OUTCOME:
                word = outcome_to_string(*(const Outcome *) member);
                break;
        case VALUE_PROGRAM_END:
                word = program_end_to_string(*(const ProgramEnd *) member);
                break;
        case VALUE_BOOLEAN:
                word = *(const bool *) member ? "yes" : "no";
                break;
        case VALUE_COUNT:
                if (value->is_needed || *(const unsigned *) member > 0)
                        (void) snprintf(buffer, size, "%u", *(const unsigned *) member);
                return;
        case VALUE_NUMBER:
                if (value->is_needed || *(const usec_t *) member > 0)
                        (void) snprintf(buffer, size, "%" PRIu64, *(const usec_t *) member);
                return;
        }
        (void) snprintf(buffer, size, "%s", word ? word : "-");
}

int entry_value_parse(Entry *entry, const EntryValue *value, const char *text) {
        void *member = (char *) entry + value->offset;
        unsigned long long number;
        int word = 0;
        char *end;

        switch (value->type) {
        case VALUE_TEXT:
                (void) snprintf(member, value->size, "%s", STREQ(text, "-") ? "" : text);
                text_make_printable(member);
                return 0;
        case VALUE_STAGE:
                word = (int) stage_from_string(text);
                break;
        case VALUE_ACTION:
                word = (int) action_from_string(text);
                break;
        case VALUE_OUTCOME:
                word = (int) outcome_from_string(text);
                break;
        case VALUE_PROGRAM_END:
                word = (int) program_end_from_string(text);
                break;
        case VALUE_BOOLEAN:
                *(bool *) member = STREQ(text, "yes");
                return STREQ(text, "yes") || STREQ(text, "no") ? 0 : -EINVAL;
        case VALUE_COUNT:
        case VALUE_NUMBER:
                errno = 0;
                number = strtoull(text, &end, 10);
                if (*text < '0' || *text > '9' || *end || errno)
                        return -EINVAL;
                if (value->type == VALUE_NUMBER)
                        *(usec_t *) member = number;
                else
                        *(unsigned *) member = number > UINT32_MAX ? UINT32_MAX : (unsigned) number;
                return 0;
        }
        if (word < 0)
                return -EINVAL;
        /* These are enums of the same size. */
        _Static_assert(sizeof(Stage) == sizeof(int) && sizeof(Action) == sizeof(int) &&
                               sizeof(Outcome) == sizeof(int) && sizeof(ProgramEnd) == sizeof(int),
                       "an enum is an int");
        *(int *) member = word;
        return 0;
}
