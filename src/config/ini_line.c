/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See ini_line.h. */

#include "config/ini_line.h"

#define BLANKS " \t\r\v\f"

static char *skip_blanks(char *text) {
        return text + strspn(text, BLANKS);
}

static void cut_trailing_blanks(char *text) {
        size_t n = strlen(text);

        while (n > 0 && strchr(BLANKS, text[n - 1]))
                text[--n] = '\0';
}

static void cut_comment(char *text) {
        for (char *at = text; *at; at++)
                if (*at == ';' && at > text && strchr(BLANKS, at[-1])) {
                        *at = '\0';
                        return;
                }
}

static IniLine split_section(char *line) {
        char *end = line + strcspn(line, "];"), *rest;

        if (*end != ']')
                return (IniLine){ .kind = INI_LINE_BROKEN, .name = "?" };
        rest = skip_blanks(end + 1);
        if (*rest && *rest != '#' && *rest != ';')
                return (IniLine){ .kind = INI_LINE_BROKEN, .name = "?" };
        *end = '\0';
        return (IniLine){ .kind = INI_LINE_SECTION, .name = line + 1 };
}

static IniLine split_assignment(char *line) {
        char *value;

        cut_comment(line);
        value = line + strcspn(line, "=:");
        if (!*value)
                return (IniLine){ .kind = INI_LINE_BROKEN };
        *value++ = '\0';
        cut_trailing_blanks(line);
        cut_trailing_blanks(value);
        return (IniLine){
                .kind = INI_LINE_ASSIGNMENT,
                .name = line,
                .value = skip_blanks(value),
        };
}

IniLine ini_line_split(char *line) {
        line = skip_blanks(line);
        cut_trailing_blanks(line);
        if (strchr(line, '\r'))
                return (IniLine){
                        .kind = INI_LINE_INNER_RETURN,
                        .name = *line == '[' ? "?" : NULL,
                };
        if (!*line || *line == '#' || *line == ';')
                return (IniLine){ .kind = INI_LINE_EMPTY };
        return *line == '[' ? split_section(line) : split_assignment(line);
}
