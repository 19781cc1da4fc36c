/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include "config/ini_line.h"

struct line_row {
        char text[48];
        IniLineKind kind;
        char name[24]; /* "-": NULL */
        char value[24];
};

ParameterizedTestParameters(ini_line, splits) {
        static struct line_row rows[] = {
                { "", INI_LINE_EMPTY, "-", "-" },
                { " \t\v\f\r", INI_LINE_EMPTY, "-", "-" },
                { "# Exclude=nvme1", INI_LINE_EMPTY, "-", "-" },
                { "  ;Exclude=nvme1\r", INI_LINE_EMPTY, "-", "-" },
                { "#", INI_LINE_EMPTY, "-", "-" },

                { "[a]", INI_LINE_SECTION, "a", "-" },
                { "  [a b]  \r", INI_LINE_SECTION, "a b", "-" },
                { "[ a ]", INI_LINE_SECTION, " a ", "-" },
                { "[]", INI_LINE_SECTION, "", "-" },
                { "[a=b]", INI_LINE_SECTION, "a=b", "-" },
                { "[a] ; x", INI_LINE_SECTION, "a", "-" },
                { "[a];x", INI_LINE_SECTION, "a", "-" },
                { "[a] # [b]", INI_LINE_SECTION, "a", "-" },

                { "a=b", INI_LINE_ASSIGNMENT, "a", "b" },
                { "a:b", INI_LINE_ASSIGNMENT, "a", "b" },
                { "\ta  =\tb c \r", INI_LINE_ASSIGNMENT, "a", "b c" },
                { "a b = c", INI_LINE_ASSIGNMENT, "a b", "c" },
                { "a=", INI_LINE_ASSIGNMENT, "a", "" },
                { "=b", INI_LINE_ASSIGNMENT, "", "b" },
                { "=", INI_LINE_ASSIGNMENT, "", "" },
                { "a==b", INI_LINE_ASSIGNMENT, "a", "=b" },
                { "a:b=c", INI_LINE_ASSIGNMENT, "a", "b=c" },
                { "a=b[0]", INI_LINE_ASSIGNMENT, "a", "b[0]" },
                { "a=b ; c", INI_LINE_ASSIGNMENT, "a", "b" },
                { "a=b\t;c ;d", INI_LINE_ASSIGNMENT, "a", "b" },
                { "a=b;c", INI_LINE_ASSIGNMENT, "a", "b;c" },
                { "a=;c", INI_LINE_ASSIGNMENT, "a", ";c" },
                { "a= ;c", INI_LINE_ASSIGNMENT, "a", "" },
                { "a;b=c", INI_LINE_ASSIGNMENT, "a;b", "c" },
                { "a=b # c", INI_LINE_ASSIGNMENT, "a", "b # c" },
                { "a=\\", INI_LINE_ASSIGNMENT, "a", "\\" },
                { "\xef\xbb\xbf"
                  "a=b",
                  INI_LINE_ASSIGNMENT,
                  "\xef\xbb\xbf"
                  "a",
                  "b" },

                { "a", INI_LINE_BROKEN, "-", "-" },
                { "]", INI_LINE_BROKEN, "-", "-" },
                { "a ;=b", INI_LINE_BROKEN, "-", "-" },
                { "[", INI_LINE_BROKEN, "?", "-" },
                { "[a", INI_LINE_BROKEN, "?", "-" },
                { "[a ;]", INI_LINE_BROKEN, "?", "-" },
                { "[a;b]", INI_LINE_BROKEN, "?", "-" },
                { "[a] b=c", INI_LINE_BROKEN, "?", "-" },
                { "[a]]", INI_LINE_BROKEN, "?", "-" },

                { "a=b\rc=d", INI_LINE_INNER_RETURN, "-", "-" },
                { "# a\rb=c", INI_LINE_INNER_RETURN, "-", "-" },
                { "[a]\rb=c", INI_LINE_INNER_RETURN, "?", "-" },
                { "a=b \r \r", INI_LINE_ASSIGNMENT, "a", "b" },
        };

        return cr_make_param_array(struct line_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct line_row *row, ini_line, splits) {
        char text[sizeof(row->text)];
        IniLine line;

        (void) strcpy(text, row->text);
        line = ini_line_split(text);
        cr_expect(eq(int, line.kind, row->kind), "%s", row->text);
        cr_expect(eq(str, (char *) (line.name ?: "-"), row->name), "%s", row->text);
        cr_expect(eq(str, (char *) (line.value ?: "-"), row->value), "%s", row->text);
}

Test(ini_line, splits_a_line_of_any_length) {
        static char text[200000];
        IniLine line;

        memset(text, 'k', 100000);
        memset(text + 100000, 'v', sizeof(text) - 1 - 100000);
        text[100000] = '=';
        line = ini_line_split(text);
        cr_assert(eq(int, line.kind, INI_LINE_ASSIGNMENT));
        cr_expect(eq(sz, strlen(line.name), 100000));
        cr_expect(eq(sz, strlen(line.value), sizeof(text) - 2 - 100000));
}
