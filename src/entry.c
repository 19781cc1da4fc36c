/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both forms of an entry; see entry.h. */

#include "entry.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <syslog.h>

#include "entry_text.h"
#include "log.h"
#include "message_ids.h"
#include "text.h"

#define FIELDS_MAX 28
#define FIELD_MAX 512
#define SUFFIX_MAX 600
#define VALUE_MAX (FIELD_MAX - 32)
/* A text from outside grows fourfold when each of its bytes is escaped, a path not at all. */
#define WORD_MAX (4 * 48 + 32)
#define LINE_MAX_BYTES 2048
#define PROGRAM_PREFIX "nvme-async-shutdown: "
#define WORDS_BEGIN " (stage="

#define C (1U << ENTRY_CONTROLLER)
#define R (1U << ENTRY_RELEASED)
#define S (1U << ENTRY_SUMMARY)
#define P (1U << ENTRY_POWER_CLEAN | 1U << ENTRY_POWER_UNSAFE)
#define K (1U << ENTRY_POWER_KEPT)

typedef enum ValueType {
        VALUE_TEXT,
        VALUE_STAGE,
        VALUE_ACTION,
        VALUE_OUTCOME,
        VALUE_BOOLEAN,
        VALUE_COUNT,
        VALUE_USEC, /* and any other large number */
} ValueType;

typedef struct Value {
        unsigned kinds;
        ValueType type;
        size_t offset;
        size_t size; /* of a text */
        const char *field;
        const char *key; /* in the kernel log's line; NULL: only a field */
        bool is_needed;  /* written even if empty or 0, and missed when it is not there */
} Value;

#define TEXT(member) VALUE_TEXT, offsetof(Entry, member), sizeof(((Entry *) NULL)->member)
#define PLAIN(type, member) VALUE_##type, offsetof(Entry, member), 0

/* The order is that of the line: what a person looks for first, and what programs have read since
 * the first version, comes first. */
static const Value values[] = {
        { C | R | S, PLAIN(STAGE, stage), "NVME_STAGE", "stage", true },
        { C, PLAIN(OUTCOME, outcome), "NVME_OUTCOME", "outcome", true },
        { C, PLAIN(BOOLEAN, is_verified), "NVME_VERIFIED", "verified", true },
        { C, PLAIN(BOOLEAN, is_flushed), "NVME_FLUSHED", "flushed", true },
        { C, PLAIN(USEC, phase_usec[PHASE_SHUTDOWN]), "NVME_SHUTDOWN_USEC", "usec", true },
        { C | R | S | P | K, TEXT(boot_id), "NVME_SHUTDOWN_BOOT_ID", "boot", false },
        { C | P, TEXT(serial), "NVME_SERIAL", "serial", true },
        { C | P, TEXT(name), "NVME_CONTROLLER", "name", true },
        { R, TEXT(device), "NVME_DEVICE_KIND", "device", true },
        { C | R | P, TEXT(address), "NVME_PCI_ADDRESS", "address", true },
        { C, TEXT(path), "NVME_PATH", "path", false },
        { C | P, TEXT(model), "NVME_MODEL", "model", true },
        { C, TEXT(reason), "NVME_REASON", NULL, true },
        { R, PLAIN(COUNT, n_children), "NVME_CHILDREN", "children", true },
        { R, PLAIN(USEC, released_usec), "NVME_RELEASED_USEC", "released", true },
        { S, PLAIN(COUNT, totals.count[OUTCOME_DETACHED]), "NVME_DETACHED", "detached", true },
        { S, PLAIN(COUNT, totals.count[OUTCOME_LEFT]), "NVME_LEFT", "left", true },
        { S, PLAIN(COUNT, totals.count[OUTCOME_LATE]), "NVME_LATE", "late", true },
        { S, PLAIN(COUNT, totals.count[OUTCOME_FAILED]), "NVME_FAILED", "failed", true },
        { S, PLAIN(COUNT, totals.count[OUTCOME_VANISHED]), "NVME_VANISHED", "vanished", true },
        { S, PLAIN(COUNT, totals.count[OUTCOME_UNVERIFIED]), "NVME_UNVERIFIED", "unverified",
          true },
        { S, PLAIN(COUNT, totals.n_by_word), "NVME_BY_DRIVERS_WORD", "by_word", false },
        { S, PLAIN(USEC, totals.elapsed_usec), "ELAPSED_USEC", "elapsed_usec", true },
        { S, PLAIN(USEC, totals.serial_usec), "SERIAL_USEC", "serial_usec", true },
        { S, PLAIN(USEC, totals.saved_usec), "SAVED_USEC", "saved_usec", true },
        { C | R | S, PLAIN(ACTION, action), "NVME_ACTION", "action", true },
        { C | R | S, PLAIN(USEC, stage_usec), "NVME_STAGE_USEC", "began", false },
        { C | R, PLAIN(USEC, n_waited_for), "NVME_WAITED_FOR", "waited", false },
        { C | R, TEXT(released_by), "NVME_RELEASED_BY", "after", false },
        { C, PLAIN(USEC, started_usec), "NVME_STARTED_USEC", "started", false },
        { C, PLAIN(USEC, phase_usec[PHASE_FORK]), "NVME_PHASE_FORK_USEC", "fork", false },
        { C, PLAIN(USEC, phase_usec[PHASE_CHECK]), "NVME_PHASE_CHECK_USEC", "check", false },
        { C, PLAIN(USEC, phase_usec[PHASE_FSYNC]), "NVME_PHASE_FSYNC_USEC", "fsync", false },
        { C, PLAIN(USEC, phase_usec[PHASE_VERIFY]), "NVME_PHASE_VERIFY_USEC", "verify", false },
        { P, PLAIN(USEC, power_cycles), "NVME_POWER_CYCLES", NULL, true },
        { P, PLAIN(USEC, new_power_cycles), "NVME_NEW_POWER_CYCLES", NULL, true },
        { P, PLAIN(USEC, unsafe_shutdowns), "NVME_UNSAFE_SHUTDOWNS", NULL, true },
        { P, PLAIN(USEC, new_unsafe_shutdowns), "NVME_NEW_UNSAFE_SHUTDOWNS", NULL, true },
        { K, PLAIN(COUNT, n_drives), "NVME_DRIVES", NULL, true },
};

static const struct {
        const char *message_id;
        const char *word; /* stands behind "stage=..." in the line */
} kinds[_ENTRY_KIND_MAX] = {
        [ENTRY_CONTROLLER] = { MESSAGE_ID_CONTROLLER, NULL },
        [ENTRY_RELEASED] = { MESSAGE_ID_RELEASED, "released" },
        [ENTRY_SUMMARY] = { MESSAGE_ID_SUMMARY, "summary" },
        /* Of the boot after it: these are only logged to a live journal. */
        [ENTRY_POWER_CLEAN] = { MESSAGE_ID_POWER_CLEAN, NULL },
        [ENTRY_POWER_UNSAFE] = { MESSAGE_ID_POWER_UNSAFE, NULL },
        [ENTRY_POWER_KEPT] = { MESSAGE_ID_POWER_KEPT, NULL },
};

const char *entry_message_id(EntryKind kind) {
        return kinds[kind].message_id;
}

static EntryKind entry_kind_from_message_id(const char *message_id) {
        for (EntryKind kind = 0; kind < _ENTRY_KIND_MAX; kind++)
                if (STREQ(kinds[kind].message_id, message_id))
                        return kind;
        return _ENTRY_KIND_INVALID;
}

static bool is_for(const Value *value, EntryKind kind) {
        return value->kinds & (1U << kind);
}

/* "" for what is not to be written. */
static void format_value(const Entry *entry, const Value *value, char *buffer, size_t size) {
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
        case VALUE_BOOLEAN:
                word = *(const bool *) member ? "yes" : "no";
                break;
        case VALUE_COUNT:
                if (value->is_needed || *(const unsigned *) member > 0)
                        (void) snprintf(buffer, size, "%u", *(const unsigned *) member);
                return;
        case VALUE_USEC:
                if (value->is_needed || *(const usec_t *) member > 0)
                        (void) snprintf(buffer, size, "%" PRIu64, *(const usec_t *) member);
                return;
        }
        (void) snprintf(buffer, size, "%s", word ? word : "-");
}

/* 0 or -EINVAL; the member is untouched then. */
static int parse_value(Entry *entry, const Value *value, const char *text) {
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
        case VALUE_BOOLEAN:
                *(bool *) member = STREQ(text, "yes");
                return STREQ(text, "yes") || STREQ(text, "no") ? 0 : -EINVAL;
        case VALUE_COUNT:
        case VALUE_USEC:
                errno = 0;
                number = strtoull(text, &end, 10);
                if (*text < '0' || *text > '9' || *end || errno)
                        return -EINVAL;
                if (value->type == VALUE_USEC)
                        *(usec_t *) member = number;
                else
                        *(unsigned *) member = number > UINT32_MAX ? UINT32_MAX : (unsigned) number;
                return 0;
        }
        if (word < 0)
                return -EINVAL;
        /* All three are enums of the same size. */
        _Static_assert(sizeof(Stage) == sizeof(int) && sizeof(Action) == sizeof(int) &&
                               sizeof(Outcome) == sizeof(int),
                       "an enum is an int");
        *(int *) member = word;
        return 0;
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

/* Appends "key=value", the value without a blank, '=' or parenthesis in it, if there is room. */
static size_t append_word(char *line, size_t size, size_t n, const char *key, const char *value) {
        char word[WORD_MAX];
        size_t m;

        m = (size_t) snprintf(word, sizeof(word), "%s%s=", n > 0 ? " " : "", key);
        for (; *value && m + 5 < sizeof(word); value++)
                if (*value > ' ' && *value <= '~' && !strchr("()=\\", *value))
                        word[m++] = *value;
                else
                        m += (size_t) snprintf(word + m, sizeof(word) - m, "\\x%02x",
                                               (unsigned char) *value);
        if (n + m >= size)
                return n;
        memcpy(line + n, word, m);
        line[n + m] = '\0';
        return n + m;
}

static int hex_digit(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. */
static void unescape_word(char *word) {
        char *to = word;

        for (; *word; word++)
                if (STARTSWITH(word, "\\x") && hex_digit(word[2]) >= 0 && hex_digit(word[3]) >= 0) {
                        *to++ = (char) (hex_digit(word[2]) * 16 + hex_digit(word[3]));
                        word += 3;
                } else
                        *to++ = *word;
        *to = '\0';
}

void entry_log(const Entry *entry) {
        char fields[FIELDS_MAX][FIELD_MAX], suffix[SUFFIX_MAX] = "", value[FIELD_MAX];
        const char *list[FIELDS_MAX] = { fields[0], fields[1] };
        size_t n = 0, n_fields = 2;

        entry_text_format(entry, value, sizeof(value));
        (void) snprintf(fields[0], FIELD_MAX, "MESSAGE=%.*s", VALUE_MAX, value);
        (void) snprintf(fields[1], FIELD_MAX, "MESSAGE_ID=%s", kinds[entry->kind].message_id);
        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                if (!is_for(&values[i], entry->kind))
                        continue;
                format_value(entry, &values[i], value, sizeof(value));
                if (!*value && !values[i].is_needed)
                        continue;
                (void) snprintf(fields[n_fields], FIELD_MAX, "%s=%.*s", values[i].field, VALUE_MAX,
                                value);
                list[n_fields] = fields[n_fields];
                n_fields++;
                if (values[i].key)
                        n = append_word(suffix, sizeof(suffix), n, values[i].key, value);
                if (i == 0 && kinds[entry->kind].word)
                        n += (size_t) snprintf(suffix + n, sizeof(suffix) - n, " %s",
                                               kinds[entry->kind].word);
        }
        log_fields(entry_level(entry), suffix, list, n_fields);
}

/* What stands in front of our name in a kernel log: "<30>", "[   24.123456]", "[    T1]". */
static const char *skip_prefix(const char *line) {
        if (*line == '<')
                line += strcspn(line, ">") + (strchr(line, '>') ? 1 : 0);
        for (line += strspn(line, " "); *line == '['; line += strspn(line, " "))
                line += strcspn(line, "]") + (strchr(line, ']') ? 1 : 0);
        return line;
}

static EntryKind kind_of_word(const char *word) {
        for (EntryKind kind = 0; kind < _ENTRY_KIND_MAX; kind++)
                if (kinds[kind].word && STREQ(kinds[kind].word, word))
                        return kind;
        return _ENTRY_KIND_INVALID;
}

static int take_word(Entry *entry, char *word, uint64_t *seen) {
        char *text = strchr(word, '=');

        if (!text) {
                entry->kind = kind_of_word(word);
                return entry->kind < 0 ? -EBADMSG : 0;
        }
        *text++ = '\0';
        unescape_word(text);
        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                if (values[i].key && is_for(&values[i], entry->kind) &&
                    STREQ(values[i].key, word)) {
                        *seen |= UINT64_C(1) << i;
                        return parse_value(entry, &values[i], text) < 0 ? -EBADMSG : 0;
                }
        /* A word of another version, ignoring. */
        return 0;
}

static bool has_all(EntryKind kind, uint64_t seen) {
        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                if (is_for(&values[i], kind) && values[i].is_needed && values[i].key &&
                    !(seen & UINT64_C(1) << i))
                        return false;
        return true;
}

int entry_parse_line(const char *line, Entry *ret) {
        char copy[LINE_MAX_BYTES], *text = copy, *words = NULL, *state = NULL;
        Entry entry = { .kind = ENTRY_CONTROLLER };
        uint64_t seen = 0;
        size_t length;

        line = skip_prefix(line);
        if (!STARTSWITH(line, PROGRAM_PREFIX))
                return -ENOMSG;
        line += strlen(PROGRAM_PREFIX);
        length = strlen(line);
        if (length >= sizeof(copy))
                return -EBADMSG;
        memcpy(copy, line, length + 1);
        for (char *at = copy; (at = strstr(at, WORDS_BEGIN)); at++)
                words = at;
        if (!words)
                return -ENOMSG;
        if (copy[length - 1] != ')')
                return -EBADMSG;
        copy[length - 1] = *words = '\0';
        for (char *word = strtok_r(words + 2, " ", &state); word;
             word = strtok_r(NULL, " ", &state))
                if (take_word(&entry, word, &seen) < 0)
                        return -EBADMSG;
        text_make_printable(text);
        if (!has_all(entry.kind, seen) || !entry_text_take_reason(&entry, text) ||
            entry_check(&entry) < 0)
                return -EBADMSG;
        *ret = entry;
        return 0;
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
        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                if (strlen(values[i].field) == n && strncmp(values[i].field, data, n) == 0 &&
                    parse_value(entry, &values[i], value) < 0)
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
        return !*entry->address && (1U << entry->kind) & (C | R | P) ? -EBADMSG : 0;
}
