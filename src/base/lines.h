/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A growing list of lines for people: warnings, notes. */
#pragma once

#include "base/util.h"

typedef struct Lines {
        char **items;
        size_t n;
} Lines;

#define LINES_INIT ((Lines){})

/* Appends one line, with every byte that is not printable ASCII replaced by '?'. Returns 0, or
 * -ENOMEM with the list as it was. */
int lines_add(Lines *lines, const char *format, ...) _printf_(2, 3) _must_check_;

void lines_done(Lines *lines);

#define _cleanup_lines_ _cleanup_(lines_done)
