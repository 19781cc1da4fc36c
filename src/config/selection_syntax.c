/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See selection_syntax.h. */

#include "config/selection_syntax.h"

#include <ctype.h>
#include <strings.h>

/* Longer than any glob that is judged by its shape. */
#define SHAPE_MAX 64
/* The most wrong letters in a misspelt key, and its greatest length then. */
#define DISTANCE_MAX 2
#define NAME_MAX_LENGTH 9

/* Characters that no correct glob holds. */
static const struct {
        char character;
        const char *why;
} refused_characters[] = {
        { '"', "quotes belong to the glob, write it without them" },
        { '\'', "quotes belong to the glob, write it without them" },
        { '`', "quotes belong to the glob, write it without them" },
        { ',', "globs are separated by blanks (write ? for a comma in a model)" },
        { ';', "globs are separated by blanks, a comment begins with a blank and ;" },
        { '|', "globs are separated by blanks" },
        { '{', "braces are not expanded, write each glob, or [123] for one character of these" },
        { '}', "braces are not expanded, write each glob, or [123] for one character of these" },
        { '=', "a value holds nothing but globs (write ? for a = in a model)" },
        { ']', "it has a ] without its [" },
};

/* Prefixes that no correct glob has, in upper or lower case. */
static const struct {
        const char *prefix, *why;
} refused_prefixes[] = {
        { "#", "a comment after a value begins with a blank and ;" },
        { "!", "nothing negates a glob, use Include= or Exclude=" },
        { "~", "nothing negates a glob, use Include= or Exclude=" },
        { "eui.", "this is a namespace's identifier, write its controller's serial number" },
        { "uuid.", "this is a namespace's identifier, write its controller's serial number" },
        { "nvme.", "this is a namespace's identifier, write its controller's serial number" },
        { "nvme-eui.", "this is a link to a namespace, write its controller's serial number" },
        { "nvme-uuid.", "this is a link to a namespace, write its controller's serial number" },
        { "nvme-nvme.", "this is a link to a namespace, write its controller's serial number" },
        { "nvme-subsys", "this is a subsystem's name, write its NQN or its controllers' names" },
        { "pci-0", "this is a link's name, write the PCI address alone" },
        { "pci-1", "this is a link's name, write the PCI address alone" },
};

static bool begins_with(const char *text, const char *prefix) {
        return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* Finds the ']' of the bracket expression that begins at open, as fnmatch(3) does; NULL if none. */
static const char *find_bracket_end(const char *open) {
        const char *at = open + 1;

        if (*at == '!' || *at == '^')
                at++;
        if (*at == ']')
                at++;
        for (; *at && *at != ']'; at++) {
                char end[] = { at[1], ']', '\0' };
                const char *class_end;

                if (*at == '\\' && at[1])
                        at++;
                else if (*at == '[' && (at[1] == ':' || at[1] == '.' || at[1] == '=') &&
                         (class_end = strstr(at + 2, end)))
                        at = class_end + 1;
        }
        return *at ? at : NULL;
}

static const char *check_character(const char *glob, char c) {
        if (c == '/' && !begins_with(glob, "nqn."))
                return "paths are not looked up, write the controller's name (nvme1), PCI address "
                       "or serial number (and ? for a / in a model)";
        for (size_t i = 0; i < ARRAY_SIZE(refused_characters); i++)
                if (c == refused_characters[i].character)
                        return refused_characters[i].why;
        return NULL;
}

/* Returns why a character is refused, or NULL. shape: gets the glob with a '?' for each bracket
 * expression, or "" if the glob is too long for any shape. */
static const char *check_characters(const char *glob, char shape[static SHAPE_MAX]) {
        size_t n = 0;

        for (const char *c = glob; *c; c++) {
                bool is_escaped = *c == '\\';
                const char *why = NULL;
                char as;

                c += is_escaped;
                as = *c;
                if (!as)
                        return "it ends in a \\ (write ? for a blank)";
                if (as == '[' && !is_escaped) {
                        c = find_bracket_end(c);
                        if (!c)
                                return "it has a [ without its ]";
                        as = '?';
                } else if (as != ']' || !is_escaped)
                        why = check_character(glob, as);
                if (why)
                        return why;
                if (n < SHAPE_MAX - 1)
                        shape[n] = as;
                n++;
        }
        shape[n < SHAPE_MAX ? n : 0] = '\0';
        return NULL;
}

/* Skips digits and wildcards that may stand for them. */
static const char *skip_number(const char *text) {
        return text + strspn(text, "0123456789?*");
}

/* Matches nvme1n1, nvme1n1p2, nvme1c0n1 and ng1n1, with wildcards too. */
static bool is_namespace(const char *shape) {
        const char *at = shape, *end;

        if (!begins_with(at, "nvme") && !begins_with(at, "ng"))
                return false;
        at += begins_with(at, "nvme") ? strlen("nvme") : strlen("ng");
        end = skip_number(at);
        if (end == at)
                return false;
        at = end;
        if (tolower((unsigned char) *at) == 'c')
                at = skip_number(at + 1);
        if (tolower((unsigned char) *at) != 'n')
                return false;
        end = skip_number(at + 1);
        if (end == at + 1)
                return false;
        at = end;
        if (tolower((unsigned char) *at) == 'p')
                at = skip_number(at + 1);
        return *at == '\0';
}

/* Matches nvme0-3 and nvme0-nvme3. */
static bool is_range(const char *shape) {
        const char *at = shape + strlen("nvme");

        if (!begins_with(shape, "nvme") || !isdigit((unsigned char) *at))
                return false;
        at += strspn(at, "0123456789");
        if (*at++ != '-')
                return false;
        if (begins_with(at, "nvme"))
                at += strlen("nvme");
        return isdigit((unsigned char) *at) && at[strspn(at, "0123456789")] == '\0';
}

/* Whether these are fields of a PCI address, but not in the kernel's format ("%04x:%02x:%02x.%d",
 * pci_setup_device(), 6.1), as in "01:00.0" or "0:1:0.0". A '*' may stand for the missing part. */
static bool is_part_of_address(const char *shape) {
        static const char digits[] = "0123456789abcdefABCDEF?";
        size_t length[4] = {}, n = 0;
        bool has_function = false;

        for (const char *at = shape;; at++) {
                size_t digits_here = strspn(at, digits);

                if (digits_here == 0 || n == ARRAY_SIZE(length))
                        return false;
                length[n++] = digits_here;
                at += digits_here;
                if (!*at)
                        break;
                if (has_function || (*at != ':' && *at != '.'))
                        return false;
                has_function = *at == '.';
        }
        if (n - has_function < 2 || n - has_function > 3)
                return false;
        return !(n == 4 && has_function && length[0] >= 4 && length[1] == 2 && length[2] == 2 &&
                 length[3] == 1);
}

static const char *check_shape(const char *shape) {
        for (size_t i = 0; i < ARRAY_SIZE(refused_prefixes); i++)
                if (begins_with(shape, refused_prefixes[i].prefix))
                        return refused_prefixes[i].why;
        if (is_namespace(shape))
                return "this is a namespace or a partition, write the name of its controller "
                       "(nvme1), or its PCI address or serial number";
        if (is_range(shape))
                return "this is no range, write nvme[0-3] for nvme0 to nvme3";
        if (is_part_of_address(shape))
                return "a PCI address is written in full, as in 0000:01:00.0";
        if (strcasecmp(shape, "all") == 0 || strcasecmp(shape, "any") == 0)
                return "write * for all controllers";
        return NULL;
}

const char *selection_check_glob(const char *glob) {
        char shape[SHAPE_MAX];
        const char *why;

        for (const char *c = glob; *c; c++)
                if (*c < ' ' || *c > '~')
                        return "it holds a character that is no printable ASCII, write ? for it";
        why = check_characters(glob, shape);
        return why ? why : check_shape(shape);
}

static size_t minimum(size_t a, size_t b) {
        return a < b ? a : b;
}

/* Counts the letters to insert, remove or replace to turn name into key, ignoring case. name: at
 * most NAME_MAX_LENGTH characters. */
static size_t count_edits(const char *name, const char *key) {
        size_t row[NAME_MAX_LENGTH + 1], n = strlen(name);

        for (size_t i = 0; i <= n; i++)
                row[i] = i;
        for (size_t k = 0; key[k]; k++) {
                size_t diagonal = row[0];

                row[0] = k + 1;
                for (size_t i = 0; i < n; i++) {
                        bool is_same = tolower((unsigned char) name[i]) == key[k];
                        size_t replaced = diagonal + !is_same;

                        diagonal = row[i + 1];
                        row[i + 1] = minimum(replaced, minimum(row[i], diagonal) + 1);
                }
        }
        return row[n];
}

bool selection_is_meant(const char *name) {
        if (strcasestr(name, "include") || strcasestr(name, "exclude"))
                return true;
        if (strlen(name) > NAME_MAX_LENGTH)
                return false;
        return count_edits(name, "include") <= DISTANCE_MAX ||
               count_edits(name, "exclude") <= DISTANCE_MAX;
}

bool selection_is_mentioned(const char *value) {
        for (const char *at = value; *at; at++)
                if (begins_with(at, "include") || begins_with(at, "exclude")) {
                        at += strlen("include");
                        at += strspn(at, " \t");
                        if (*at == '=' || *at == ':')
                                return true;
                        at--;
                }
        return false;
}
