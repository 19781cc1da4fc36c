/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both forms of an entry; see entry.h. */

#include "record/entry.h"

#include <syslog.h>

#include "base/log.h"
#include "base/message_ids.h"
#include "record/entry_line.h"
#include "record/entry_text.h"
#include "record/entry_values.h"

#define FIELDS_MAX 28
#define FIELD_MAX ENTRY_VALUE_MAX
#define SUFFIX_MAX 600
#define VALUE_MAX (FIELD_MAX - 32)

static const char *const message_ids[_ENTRY_KIND_MAX] = {
        [ENTRY_CONTROLLER] = MESSAGE_ID_CONTROLLER,
        [ENTRY_RELEASED] = MESSAGE_ID_RELEASED,
        [ENTRY_SUMMARY] = MESSAGE_ID_SUMMARY,
        [ENTRY_POWER_CLEAN] = MESSAGE_ID_POWER_CLEAN,
        [ENTRY_POWER_UNSAFE] = MESSAGE_ID_POWER_UNSAFE,
        [ENTRY_POWER_KEPT] = MESSAGE_ID_POWER_KEPT,
};

const char *entry_message_id(EntryKind kind) {
        return message_ids[kind];
}

static EntryKind entry_kind_from_message_id(const char *message_id) {
        for (EntryKind kind = 0; kind < _ENTRY_KIND_MAX; kind++)
                if (STREQ(message_ids[kind], message_id))
                        return kind;
        return _ENTRY_KIND_INVALID;
}

static int entry_level(const Entry *entry) {
        if (entry->kind == ENTRY_RELEASED)
                return LOG_DEBUG;
        if (entry->kind == ENTRY_SUMMARY)
                return LOG_NOTICE;
        if (entry->kind == ENTRY_POWER_UNSAFE)
                return LOG_WARNING;
        if (entry->kind != ENTRY_CONTROLLER)
                return LOG_INFO;
        switch (entry->outcome) {
        case OUTCOME_FAILED:
        case OUTCOME_LATE:
        case OUTCOME_VANISHED:
        case OUTCOME_UNVERIFIED:
                return LOG_WARNING;
        default:
                return LOG_INFO;
        }
}

void entry_log(const Entry *entry) {
        char fields[FIELDS_MAX][FIELD_MAX], suffix[SUFFIX_MAX], value[FIELD_MAX];
        const char *list[FIELDS_MAX] = { fields[0], fields[1] };
        size_t n_fields = 2;

        entry_text_format(entry, value, sizeof(value));
        (void) snprintf(fields[0], FIELD_MAX, "MESSAGE=%.*s", VALUE_MAX, value);
        (void) snprintf(fields[1], FIELD_MAX, "MESSAGE_ID=%s", message_ids[entry->kind]);
        for (size_t i = 0; i < n_entry_values; i++) {
                if (!entry_value_is_for(&entry_values[i], entry->kind))
                        continue;
                entry_value_format(entry, &entry_values[i], value, sizeof(value));
                if (!*value && !entry_values[i].is_needed)
                        continue;
                (void) snprintf(fields[n_fields], FIELD_MAX, "%s=%.*s", entry_values[i].field,
                                VALUE_MAX, value);
                list[n_fields] = fields[n_fields];
                n_fields++;
        }
        entry_line_words(entry, suffix, sizeof(suffix));
        /* Bridges are not worth the room that controllers need there: entry_line.h. */
        log_fields(entry_level(entry), entry->kind == ENTRY_RELEASED ? NULL : suffix, list,
                   n_fields);
}

void entry_take_field(Entry *entry, const char *data, size_t length) {
        const char *text = memchr(data, '=', length);
        size_t n = text ? (size_t) (text - data) : 0;
        char value[FIELD_MAX];

        if (!text || length - n > sizeof(value))
                return;
        (void) snprintf(value, sizeof(value), "%.*s", (int) (length - n - 1), text + 1);
        if (n == strlen("MESSAGE_ID") && STARTSWITH(data, "MESSAGE_ID=")) {
                entry->kind = entry_kind_from_message_id(value);
                return;
        }
        for (size_t i = 0; i < n_entry_values; i++)
                if (strlen(entry_values[i].field) == n &&
                    strncmp(entry_values[i].field, data, n) == 0 &&
                    entry_value_parse(entry, &entry_values[i], value) < 0)
                        entry->is_broken = true;
}

bool entry_is_boot_id(const char *text) {
        return strspn(text, "0123456789abcdef") == BOOT_ID_MAX - 1 && !text[BOOT_ID_MAX - 1];
}

int entry_check(const Entry *entry) {
        if (entry->kind < 0 || entry->kind >= _ENTRY_KIND_MAX || entry->is_broken)
                return -EBADMSG;
        if (*entry->boot_id && !entry_is_boot_id(entry->boot_id))
                return -EBADMSG;
        if (entry->kind == ENTRY_SUMMARY || entry->kind == ENTRY_POWER_KEPT)
                return 0;
        return *entry->address ? 0 : -EBADMSG;
}
