/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See lines.h. */

#include "base/lines.h"

#include <stdarg.h>

#include "base/text.h"

int lines_add(Lines *lines, const char *format, ...) {
        char **larger, *line;
        va_list args;
        int r;

        larger = reallocarray(lines->items, lines->n + 1, sizeof(char *));
        if (!larger)
                return -ENOMEM;
        lines->items = larger;
        va_start(args, format);
        r = vasprintf(&line, format, args);
        va_end(args);
        if (r < 0)
                return -ENOMEM;
        text_make_printable(line);
        larger[lines->n++] = line;
        return 0;
}

void lines_done(Lines *lines) {
        for (size_t i = 0; i < lines->n; i++)
                free(lines->items[i]);
        free(lines->items);
        *lines = LINES_INIT;
}
