/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See json.h. */

#include "report/json.h"

#include <fcntl.h>
#include <stdarg.h>

#include "base/file.h"
#include "base/text.h"

/* A snapshot is nested five deep. */
#define DEPTH_MAX 32
#define STRING_MAX 4095

int json_refuse(JsonSource *source, const char *format, ...) {
        char what[256];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(what, sizeof(what), format, args);
        va_end(args);
        (void) snprintf(source->why, source->why_size, "%s: %s%s%s", source->file, source->place,
                        *source->place ? ": " : "", what);
        text_make_printable(source->why);
        return -EINVAL;
}

void json_set_place(JsonSource *source, const char *format, ...) {
        va_list args;

        va_start(args, format);
        (void) vsnprintf(source->place, sizeof(source->place), format, args);
        va_end(args);
}

int json_read_text(JsonSource *source, size_t max, char **ret_text) {
        int r = file_read_all(AT_FDCWD, source->file, max, ret_text);

        if (r == -EINVAL)
                return json_refuse(source, "holds NUL bytes");
        if (r == -EFBIG)
                return json_refuse(source, "is larger than %zu bytes", max);
        if (r < 0 && json_refuse(source, "%s", strerror(-r)) < 0)
                return r;
        return 0;
}

static int refuse_text(JsonSource *source, const char *text, size_t offset, const char *what) {
        size_t line = 1, column = 1;

        for (size_t i = 0; i < offset && text[i]; i++) {
                column = text[i] == '\n' ? 1 : column + 1;
                line += text[i] == '\n';
        }
        json_set_place(source, "%zu:%zu", line, column);
        return json_refuse(source, "is no JSON as nvme-async-shutdown snapshot prints it: %s",
                           what);
}

static void free_tokener(struct json_tokener **tokener) {
        if (*tokener)
                json_tokener_free(*tokener);
}

int json_parse(JsonSource *source, const char *text, json_object **ret) {
        _cleanup_(free_tokener) struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
        _cleanup_json_ json_object *object = NULL;
        size_t n = strlen(text), end;
        enum json_tokener_error error;

        if (!tokener)
                return -ENOMEM;
        if (n >= INT32_MAX)
                return json_refuse(source, "is too large");
        object = json_tokener_parse_ex(tokener, text, (int) n + 1);
        error = json_tokener_get_error(tokener);
        end = json_tokener_get_parse_end(tokener);
        if (error != json_tokener_success)
                return refuse_text(source, text, end, json_tokener_error_desc(error));
        end += strspn(text + end, " \t\r\n");
        if (end < n)
                return refuse_text(source, text, end, "something follows the object");
        if (!json_object_is_type(object, json_type_object))
                return refuse_text(source, text, 0, "an object was expected");
        *ret = TAKE_PTR(object);
        return 0;
}

/* 1: *ret is of that type; 0: there is none; -EINVAL. */
static int get_member(JsonSource *source, json_object *object, const char *key, json_type type,
                      json_object **ret) {
        *ret = NULL;
        if (!json_object_object_get_ex(object, key, ret) || !*ret)
                return 0;
        if (!json_object_is_type(*ret, type))
                return json_refuse(source, "\"%s\" must be of type %s", key,
                                   json_type_to_name(type));
        return 1;
}

static int check_string(JsonSource *source, json_object *string, const char *key,
                        const char **ret) {
        const char *text = json_object_get_string(string);
        size_t n = (size_t) json_object_get_string_len(string);

        if (n > STRING_MAX || strlen(text) != n)
                return json_refuse(source, "\"%s\" holds a NUL or more than %d bytes", key,
                                   STRING_MAX);
        *ret = text;
        return 0;
}

int json_get_string(JsonSource *source, json_object *object, const char *key, bool is_required,
                    const char **ret) {
        json_object *member;
        int r = get_member(source, object, key, json_type_string, &member);

        if (r < 0)
                return r;
        if (r == 0 && is_required)
                return json_refuse(source, "\"%s\" is missing", key);
        *ret = NULL;
        return r == 0 ? 0 : check_string(source, member, key, ret);
}

int json_get_name(JsonSource *source, json_object *object, const char *key, const char **ret) {
        int r = json_get_string(source, object, key, true, ret);

        if (r < 0)
                return r;
        if (!*ret || !**ret)
                return json_refuse(source, "\"%s\" is empty", key);
        for (const char *c = *ret; *c; c++)
                if (*c <= ' ' || *c > '~')
                        return json_refuse(source, "\"%s\" must be printable, without blanks", key);
        return 0;
}

int json_get_usec(JsonSource *source, json_object *object, const char *key, usec_t *ret) {
        json_object *member;
        int64_t value;
        int r = get_member(source, object, key, json_type_int, &member);

        if (r < 0)
                return r;
        value = r == 0 ? 0 : json_object_get_int64(member);
        if (value < 0 || value > UINT32_MAX)
                return json_refuse(source, "\"%s\" must be a number from 0 to %u", key, UINT32_MAX);
        *ret = (usec_t) value;
        return 0;
}

int json_get_boolean(JsonSource *source, json_object *object, const char *key, bool *ret) {
        json_object *member;
        int r = get_member(source, object, key, json_type_boolean, &member);

        if (r < 0)
                return r;
        *ret = r > 0 && json_object_get_boolean(member);
        return 0;
}

int json_get_object(JsonSource *source, json_object *object, const char *key, json_object **ret) {
        int r = get_member(source, object, key, json_type_object, ret);

        return r < 0 ? r : 0;
}

int json_get_array(JsonSource *source, json_object *object, const char *key, size_t max,
                   json_object **ret) {
        int r = get_member(source, object, key, json_type_array, ret);

        if (r > 0 && json_object_array_length(*ret) > max)
                return json_refuse(source, "\"%s\" has more than %zu elements", key, max);
        return r < 0 ? r : 0;
}

int json_get_element(JsonSource *source, json_object *array, const char *key, size_t i,
                     const char **ret) {
        json_object *element = json_object_array_get_idx(array, i);

        if (!json_object_is_type(element, json_type_string))
                return json_refuse(source, "\"%s\" holds something that is no string", key);
        return check_string(source, element, key, ret);
}
