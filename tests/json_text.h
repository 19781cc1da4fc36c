/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON in one layout, as versions of libsmartcols differ in theirs. */
#pragma once

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <json-c/json.h>

/* Frees text. Returns the same JSON on one line, with a blank after each colon; the caller frees
 * it. */
static inline char *json_text_on_one_line(char *text) {
        json_object *object = json_tokener_parse(text);
        char *line;

        cr_assert(ne(ptr, object, NULL), "%s", text);
        line = strdup(json_object_to_json_string_ext(
                object, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
        cr_assert(ne(ptr, line, NULL));
        json_object_put(object);
        free(text);
        return line;
}
