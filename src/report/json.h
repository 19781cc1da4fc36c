/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads untrusted JSON, a snapshot's (json-c). Every error names the file and the place in it, and
 * is reported in JsonSource.why. */
#pragma once

#include <json-c/json.h>

#include "base/util.h"

/* The file that is being read, and the buffer for its error. */
typedef struct JsonSource {
        const char *file;
        char *why;
        size_t why_size;
        char place[128]; /* "devices[3].controller"; "" for the whole */
} JsonSource;

/* Reads a text file of at most max bytes into *ret_text. Returns 0, or -errno with why set. */
int json_read_text(JsonSource *source, size_t max, char **ret_text) _must_check_;

/* Parses text, which must be one JSON object. Returns 0, -ENOMEM, or -EINVAL with why set to line,
 * column and fault. json_object_put() the result. */
int json_parse(JsonSource *source, const char *text, json_object **ret) _must_check_;

/* Sets why to "FILE: PLACE: ..." and returns -EINVAL. */
int json_refuse(JsonSource *source, const char *format, ...) _printf_(2, 3) _must_check_;

/* Sets the place; "" for the whole. */
void json_set_place(JsonSource *source, const char *format, ...) _printf_(2, 3);

/* Get a member of an object. Each returns 0, or -EINVAL with why set. If the member is missing or
 * null and is_required is not set, *ret is NULL, 0 or false. Strings are not copied, hold no NUL,
 * and have at most 4095 bytes. */
int json_get_string(JsonSource *source, json_object *object, const char *key, bool is_required,
                    const char **ret) _must_check_;
/* A name that others refer to: it is required, printable and without blanks. */
int json_get_name(JsonSource *source, json_object *object, const char *key,
                  const char **ret) _must_check_;
int json_get_usec(JsonSource *source, json_object *object, const char *key,
                  usec_t *ret) _must_check_;
int json_get_boolean(JsonSource *source, json_object *object, const char *key,
                     bool *ret) _must_check_;
int json_get_object(JsonSource *source, json_object *object, const char *key,
                    json_object **ret) _must_check_;
int json_get_array(JsonSource *source, json_object *object, const char *key, size_t max,
                   json_object **ret) _must_check_;

/* Gets array element i, which must be a string. Returns 0, or -EINVAL with why set. */
int json_get_element(JsonSource *source, json_object *array, const char *key, size_t i,
                     const char **ret) _must_check_;

static inline void json_put(json_object **object) {
        (void) json_object_put(*object);
}

#define _cleanup_json_ _cleanup_(json_put)
