/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes and parses lines; see entry_line.h. */

#include "record/entry_line.h"

#include <inttypes.h>

#include "base/text.h"
#include "record/entry_values.h"

/* Escaping makes a text up to four times as long. A path needs no escapes. */
#define WORD_MAX (4 * 48 + 32)
#define LINE_MAX_BYTES 2048
#define PROGRAM_PREFIX "nvme-async-shutdown: "
#define WORDS_BEGIN " (stage="

/* The word after "stage=...". The other kinds are logged to a live journal only. */
static const char *const kind_words[_ENTRY_KIND_MAX] = {
        [ENTRY_RELEASED] = "released",
        [ENTRY_SUMMARY] = "summary",
        [ENTRY_PROGRAM] = "program",
};

/* Appends "key=value" if there is room, with blanks, '=' and parentheses in the value escaped. */
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

/* Works in place. */
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

/* Whether the text before the parentheses gives this name back unchanged. */
static bool is_plain(const char *text) {
        for (; *text; text++)
                if (*text <= ' ' || *text > '~')
                        return false;
        return true;
}

/* Formats "fork,check,fsync,shutdown,verify". Returns false if all are 0. */
static bool format_phases(const Entry *entry, char *buffer, size_t size) {
        bool has = false;
        size_t n = 0;

        for (Phase p = 0; p < _PHASE_MAX; p++) {
                has = has || entry->phase_usec[p] > 0;
                n += (size_t) snprintf(buffer + n, size - n, "%s%" PRIu64, p > 0 ? "," : "",
                                       entry->phase_usec[p]);
        }
        return has;
}

/* The text has name, address, outcome and "flushed", so no word repeats them. */
static void controller_words(const Entry *entry, char *buffer, size_t size) {
        const bool is_detached = entry->outcome == OUTCOME_DETACHED;
        char value[ENTRY_VALUE_MAX];
        size_t n;

        (void) snprintf(value, sizeof(value), "%s/%s", stage_to_string(entry->stage),
                        action_to_string(entry->action));
        n = append_word(buffer, size, 0, "stage", value);
        if (format_phases(entry, value, sizeof(value)))
                n = append_word(buffer, size, n, "took", value);
        if (entry->is_verified != is_detached)
                n = append_word(buffer, size, n, "verified", entry->is_verified ? "yes" : "no");
        if (entry->is_flushed && entry->outcome != OUTCOME_LEFT)
                n = append_word(buffer, size, n, "flushed", "yes");
        if (!is_plain(entry->name))
                n = append_word(buffer, size, n, "name", entry->name);
        if (!is_plain(entry->address))
                n = append_word(buffer, size, n, "address", entry->address);
        for (size_t i = 0; i < n_entry_values; i++) {
                const EntryValue *v = &entry_values[i];

                entry_value_format(entry, v, value, sizeof(value));
                if (v->short_key && (*value || v->is_needed))
                        n = append_word(buffer, size, n, v->short_key, value);
        }
}

void entry_line_words(const Entry *entry, char *buffer, size_t size) {
        char value[ENTRY_VALUE_MAX];
        size_t n = 0;

        *buffer = '\0';
        if (entry->kind == ENTRY_CONTROLLER) {
                controller_words(entry, buffer, size);
                return;
        }
        for (size_t i = 0; i < n_entry_values; i++) {
                const EntryValue *v = &entry_values[i];

                if (!v->key || !entry_value_is_for(v, entry->kind))
                        continue;
                entry_value_format(entry, v, value, sizeof(value));
                if (!*value && !v->is_needed)
                        continue;
                n = append_word(buffer, size, n, v->key, value);
                if (i == 0 && kind_words[entry->kind])
                        n += (size_t) snprintf(buffer + n, size - n, " %s",
                                               kind_words[entry->kind]);
        }
}

/* Skips the prefixes of a kernel log: "<30>", "[   24.123456]", "[    T1]". */
static const char *skip_prefix(const char *line) {
        if (*line == '<')
                line += strcspn(line, ">") + (strchr(line, '>') ? 1 : 0);
        for (line += strspn(line, " "); *line == '['; line += strspn(line, " "))
                line += strcspn(line, "]") + (strchr(line, ']') ? 1 : 0);
        return line;
}

static EntryKind kind_of_word(const char *word) {
        for (EntryKind kind = 0; kind < _ENTRY_KIND_MAX; kind++)
                if (kind_words[kind] && STREQ(kind_words[kind], word))
                        return kind;
        return _ENTRY_KIND_INVALID;
}

/* A line that is being parsed. */
typedef struct Line {
        Entry entry;
        uint64_t seen;     /* 1 << i: the line has entry_values[i] */
        bool is_short;     /* a controller's short line; the long ones had everything in words */
        bool has_verified; /* has the word "verified"; without it the outcome decides */
} Line;

static int parse_phases(Entry *entry, const char *text) {
        for (Phase p = 0; p < _PHASE_MAX; p++) {
                char *end;

                errno = 0;
                entry->phase_usec[p] = strtoull(text, &end, 10);
                if (*text < '0' || *text > '9' || errno ||
                    *end != (p + 1 < _PHASE_MAX ? ',' : '\0'))
                        return -EBADMSG;
                text = end + 1;
        }
        return 0;
}

/* Cuts "/reboot" off the stage. */
static int cut_action(Line *line, char *text) {
        char *slash = strchr(text, '/');

        if (!slash)
                return 0;
        *slash = '\0';
        line->is_short = true;
        line->entry.action = action_from_string(slash + 1);
        return line->entry.action < 0 ? -EBADMSG : 0;
}

static bool is_key(const char *key, const char *word) {
        return key && STREQ(key, word);
}

static int parse_word(Line *line, char *word) {
        Entry *entry = &line->entry;
        char *text = strchr(word, '=');

        if (!text) {
                entry->kind = kind_of_word(word);
                return entry->kind < 0 ? -EBADMSG : 0;
        }
        *text++ = '\0';
        unescape_word(text);
        if (STREQ(word, "took"))
                return parse_phases(entry, text);
        if (STREQ(word, "stage") && cut_action(line, text) < 0)
                return -EBADMSG;
        line->has_verified = line->has_verified || STREQ(word, "verified");
        for (size_t i = 0; i < n_entry_values; i++) {
                const EntryValue *v = &entry_values[i];

                if (!entry_value_is_for(v, entry->kind) ||
                    (!is_key(v->key, word) && !is_key(v->short_key, word)))
                        continue;
                line->seen |= UINT64_C(1) << i;
                return entry_value_parse(entry, v, text) < 0 ? -EBADMSG : 0;
        }
        /* Another version's word, ignoring. */
        return 0;
}

static bool has_needed_words(const Line *line) {
        for (size_t i = 0; i < n_entry_values; i++) {
                const EntryValue *v = &entry_values[i];

                if (entry_value_is_for(v, line->entry.kind) && v->is_needed &&
                    (line->is_short ? v->short_key : v->key) && !(line->seen & UINT64_C(1) << i))
                        return false;
        }
        return true;
}

/* Copies the text up to the delimiter into target; "-" stands for "". If target is set already, the
 * text must begin with it. Returns the text after the delimiter, or NULL. */
static const char *take_until(const char *text, const char *delimiter, char *target, size_t size) {
        const char *end = *target ? text + strlen(target) : strstr(text, delimiter);

        if (!end || (size_t) (end - text) >= size || (*target && !STARTSWITH(text, target)) ||
            !STARTSWITH(end, delimiter))
                return NULL;
        if (!*target && (end - text != 1 || *text != '-'))
                (void) snprintf(target, size, "%.*s", (int) (end - text), text);
        return end + strlen(delimiter);
}

/* Sets name, address, outcome and is_flushed from a controller's text. Name and address that words
 * have set already stay. Returns whether it is such a text. */
static bool parse_head(Entry *entry, const char *text) {
        char outcome[16] = "";
        size_t n;

        text = take_until(text, " ", entry->name, sizeof(entry->name));
        if (!text)
                return false;
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

/* Whether the text is the one that the entry's values make. A controller's reason is taken from it,
 * and may have been cut off. */
static bool parse_reason(Entry *entry, const char *text) {
        char head[ENTRY_HEAD_MAX];
        size_t n;

        if (entry->kind != ENTRY_CONTROLLER)
                return true;
        entry_text_head(entry, head, sizeof(head));
        n = strlen(head);
        if (strncmp(text, head, n) != 0)
                return false;
        text += n;
        if (!*text)
                return true;
        if (!STARTSWITH(text, ": "))
                return false;
        (void) snprintf(entry->reason, sizeof(entry->reason), "%s", text + 2);
        return true;
}

static bool parse_text(Line *line, char *text) {
        Entry *entry = &line->entry;

        text_make_printable(text);
        if (line->is_short) {
                if (entry->kind != ENTRY_CONTROLLER || !parse_head(entry, text))
                        return false;
                if (!line->has_verified)
                        entry->is_verified = entry->outcome == OUTCOME_DETACHED;
        }
        return parse_reason(entry, text);
}

int entry_parse_line(const char *line, Entry *ret) {
        char copy[LINE_MAX_BYTES], *text = copy, *words = NULL, *state = NULL;
        Line parsed = { .entry.kind = ENTRY_CONTROLLER };
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
                if (parse_word(&parsed, word) < 0)
                        return -EBADMSG;
        if (!has_needed_words(&parsed) || !parse_text(&parsed, text) ||
            entry_check(&parsed.entry) < 0)
                return -EBADMSG;
        *ret = parsed.entry;
        return 0;
}
