/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words; see entry_line.h. */

#include "entry_line.h"

#include "entry_text.h"
#include "entry_values.h"
#include "text.h"

/* A text from outside grows fourfold when each of its bytes is escaped, a path not at all. */
#define WORD_MAX (4 * 48 + 32)
#define LINE_MAX_BYTES 2048
#define PROGRAM_PREFIX "nvme-async-shutdown: "
#define WORDS_BEGIN " (stage="

/* Stands behind "stage=...". Entries of a later boot are only logged to a live journal. */
static const char *const kind_words[_ENTRY_KIND_MAX] = {
        [ENTRY_RELEASED] = "released",
        [ENTRY_SUMMARY] = "summary",
};

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

void entry_line_words(const Entry *entry, char *buffer, size_t size) {
        char value[ENTRY_VALUE_MAX];
        size_t n = 0;

        *buffer = '\0';
        for (size_t i = 0; i < n_entry_values; i++) {
                if (!entry_values[i].key || !entry_value_is_for(&entry_values[i], entry->kind))
                        continue;
                entry_value_format(entry, &entry_values[i], value, sizeof(value));
                if (!*value && !entry_values[i].is_needed)
                        continue;
                n = append_word(buffer, size, n, entry_values[i].key, value);
                if (i == 0 && kind_words[entry->kind])
                        n += (size_t) snprintf(buffer + n, size - n, " %s",
                                               kind_words[entry->kind]);
        }
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
                if (kind_words[kind] && STREQ(kind_words[kind], word))
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
        for (size_t i = 0; i < n_entry_values; i++)
                if (entry_values[i].key && entry_value_is_for(&entry_values[i], entry->kind) &&
                    STREQ(entry_values[i].key, word)) {
                        *seen |= UINT64_C(1) << i;
                        return entry_value_parse(entry, &entry_values[i], text) < 0 ? -EBADMSG : 0;
                }
        /* A word of another version, ignoring. */
        return 0;
}

static bool has_all(EntryKind kind, uint64_t seen) {
        for (size_t i = 0; i < n_entry_values; i++)
                if (entry_value_is_for(&entry_values[i], kind) && entry_values[i].is_needed &&
                    entry_values[i].key && !(seen & UINT64_C(1) << i))
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
