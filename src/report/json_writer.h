/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Builds one JSON document, from its begin to its end, and prints it (json-c). */
#pragma once

#include "base/util.h"

#define JSON_WRITER_DEPTH_MAX 8

/* Errors are kept until the document is printed, so that its parts need no error handling. */
typedef struct JsonWriter {
        struct json_object *root;
        struct json_object *open[JSON_WRITER_DEPTH_MAX]; /* objects and arrays that have begun */
        size_t depth;
        bool is_short; /* memory was short: the document is incomplete */
} JsonWriter;

#define JSON_WRITER_INIT ((JsonWriter){})

void json_writer_done(JsonWriter *w);

#define _cleanup_json_writer_ _cleanup_(json_writer_done)

/* All that follows adds to the object or array that began last. The first one to begin is the
 * document itself.
 *   key: the member's name; NULL in an array, and for the document. */
void json_begin_object(JsonWriter *w, const char *key);
void json_begin_array(JsonWriter *w, const char *key);
void json_end(JsonWriter *w);

/* NULL becomes null. */
void json_add_string(JsonWriter *w, const char *key, const char *text);
/* NULL and "" become null. */
void json_add_text(JsonWriter *w, const char *key, const char *text);
void json_add_number(JsonWriter *w, const char *key, uint64_t number);
void json_add_boolean(JsonWriter *w, const char *key, bool value);
void json_add_null(JsonWriter *w, const char *key);

/* Prints the document, indented, and a line break. Returns 0, -ENOMEM or -EIO. */
int json_writer_print(const JsonWriter *w, FILE *stream) _must_check_;
