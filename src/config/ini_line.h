/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Splits one line of an INI file. Pure. Private to this room. */
#pragma once

#include "base/util.h"

typedef enum IniLineKind {
        INI_LINE_EMPTY,        /* blank or a comment */
        INI_LINE_SECTION,      /* "[name]" */
        INI_LINE_ASSIGNMENT,   /* "name = value" or "name: value" */
        INI_LINE_BROKEN,       /* none of these */
        INI_LINE_INNER_RETURN, /* a carriage return before the end, in a comment too */
} IniLineKind;

typedef struct IniLine {
        IniLineKind kind;
        const char *name;  /* of the section or the key; "?" for a line of the last two kinds that
                              begins with '[': it ends the section before it; else NULL */
        const char *value; /* INI_LINE_ASSIGNMENT: the text after the first '=' or ':'; else NULL */
} IniLine;

/* Splits a line of any length, without its line feed, in place: the result points into it.
 *
 *   - White space around the line, a key and a value is removed, a carriage return at the end too.
 *     The name of a section is taken as it stands.
 *   - A line that begins with '#' or ';' is a comment, and so is the rest of any other line from a
 *     ';' on that follows white space.
 *   - The name of a section holds no ';'. Only a comment, here also one by '#', may follow ']'. */
IniLine ini_line_split(char *line);
