/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See columns.h. */

#include "show/columns.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>

#include "base/text.h"

struct libscols_table *columns_new_table(const char *name, const Column *columns, size_t n_columns,
                                         bool json, FILE *stream) {
        _cleanup_table_ struct libscols_table *table = NULL;

        (void) scols_init_debug(0);
        table = scols_new_table();
        if (!table)
                return NULL;
        (void) scols_table_enable_json(table, json);
        (void) scols_table_set_name(table, name);
        (void) scols_table_set_stream(table, stream);
        for (size_t i = 0; i < n_columns; i++) {
                struct libscols_column *column;

                column = scols_table_new_column(table,
                                                json ? columns[i].json_name : columns[i].heading, 0,
                                                columns[i].flags);
                if (!column)
                        return NULL;
                (void) scols_column_set_json_type(column, columns[i].json_type);
        }
        return TAKE_PTR(table);
}

int columns_set_line(struct libscols_line *line, const char *const *values, size_t n_values) {
        for (size_t i = 0; i < n_values; i++) {
                int r = values[i] ? scols_line_set_data(line, i, values[i]) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

int columns_add_line(struct libscols_table *table, const char *const *values, size_t n_values) {
        struct libscols_line *line = scols_table_new_line(table, NULL);

        return line ? columns_set_line(line, values, n_values) : -ENOMEM;
}

/* Cuts off the brace that closes libsmartcols' only object, and the line breaks before it. */
static bool cut_last_brace(char *text) {
        char *end = text ? strrchr(text, '}') : NULL;

        if (!end)
                return false;
        while (end > text && end[-1] == '\n')
                end--;
        *end = '\0';
        return true;
}

int columns_print_with(struct libscols_table *table, const JsonWriter *members, FILE *stream) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (members->is_short)
                return -ENOMEM;
        r = scols_print_table_to_string(table, &text);
        if (r < 0)
                return r;
        if (!cut_last_brace(text))
                return -EIO;
        (void) fprintf(stream, "%s", text);
        json_object_object_foreach(members->root, key, value) {
                (void) fprintf(
                        stream, ",\n   \"%s\": %s", key,
                        json_object_to_json_string_ext(
                                value, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
        }
        return fprintf(stream, "\n}\n") < 0 ? -EIO : 0;
}

int columns_set(struct libscols_line *line, size_t column, const char *format, ...) {
        va_list args;
        char *text;
        int r;

        va_start(args, format);
        r = vasprintf(&text, format, args);
        va_end(args);
        return r < 0 ? -ENOMEM : scols_line_refer_data(line, column, text);
}

int columns_set_time(struct libscols_table *table, struct libscols_line *line, size_t column,
                     usec_t usec) {
        char seconds[TEXT_USEC_MAX];

        if (scols_table_is_json(table))
                return columns_set(line, column, "%" PRIu64, usec);
        return columns_set(line, column, "%s", text_format_seconds(seconds, usec));
}
