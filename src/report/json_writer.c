/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See json_writer.h. */

#include "report/json_writer.h"

#include <assert.h>
#include <json-c/json.h>

/* Takes over value. Adds nothing once memory was short: the open objects may have been freed. */
static void add_value(JsonWriter *w, const char *key, struct json_object *value) {
        struct json_object *parent = w->depth > 0 ? w->open[w->depth - 1] : NULL;
        int r;

        if (w->is_short) {
                (void) json_object_put(value);
                return;
        }
        assert(parent);
        r = key ? json_object_object_add(parent, key, value) : json_object_array_add(parent, value);
        if (r < 0) {
                (void) json_object_put(value);
                w->is_short = true;
        }
}

/* value: NULL for want of memory. */
static void add_new_value(JsonWriter *w, const char *key, struct json_object *value) {
        if (!value)
                w->is_short = true;
        add_value(w, key, value);
}

static void begin_value(JsonWriter *w, const char *key, struct json_object *value) {
        assert(w->depth < JSON_WRITER_DEPTH_MAX);
        if (w->depth == 0) {
                assert(!w->root);
                w->root = value;
                w->is_short = !value;
        } else
                add_new_value(w, key, value);
        w->open[w->depth++] = value;
}

void json_begin_object(JsonWriter *w, const char *key) {
        begin_value(w, key, json_object_new_object());
}

void json_begin_array(JsonWriter *w, const char *key) {
        begin_value(w, key, json_object_new_array());
}

void json_end(JsonWriter *w) {
        assert(w->depth > 0);
        w->depth--;
}

void json_add_string(JsonWriter *w, const char *key, const char *text) {
        if (text)
                add_new_value(w, key, json_object_new_string(text));
        else
                json_add_null(w, key);
}

void json_add_text(JsonWriter *w, const char *key, const char *text) {
        json_add_string(w, key, text && *text ? text : NULL);
}

void json_add_number(JsonWriter *w, const char *key, uint64_t number) {
        add_new_value(w, key, json_object_new_uint64(number));
}

void json_add_boolean(JsonWriter *w, const char *key, bool value) {
        add_new_value(w, key, json_object_new_boolean(value));
}

/* json-c's null is NULL. */
void json_add_null(JsonWriter *w, const char *key) {
        add_value(w, key, NULL);
}

int json_writer_print(const JsonWriter *w, FILE *stream) {
        const char *text;

        assert(w->depth == 0);
        if (w->is_short)
                return -ENOMEM;
        text = json_object_to_json_string_ext(w->root, JSON_C_TO_STRING_PRETTY |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text)
                return -ENOMEM;
        return fprintf(stream, "%s\n", text) < 0 ? -EIO : 0;
}

void json_writer_done(JsonWriter *w) {
        (void) json_object_put(w->root);
        *w = JSON_WRITER_INIT;
}
