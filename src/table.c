/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsmartcols; see table.h. */

#include "table.h"

#include <inttypes.h>
#include <stdarg.h>

struct libscols_table *table_new(const char *name, const TableColumn *columns, size_t n_columns,
                                 bool json, FILE *stream) {
        struct libscols_table *table;

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
                if (!column) {
                        scols_unref_table(table);
                        return NULL;
                }
                (void) scols_column_set_json_type(column, columns[i].json_type);
        }
        return table;
}

int table_print_and_free(struct libscols_table *table) {
        int r = scols_print_table(table);

        scols_unref_table(table);
        return r;
}

int table_add(struct libscols_table *table, const char *const *cells, size_t n_cells) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        int r = line ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n_cells; i++)
                if (cells[i] && *cells[i])
                        r = scols_line_set_data(line, i, cells[i]);
        return r;
}

int table_set(struct libscols_line *line, size_t column, const char *format, ...) {
        va_list args;
        char *text;
        int r;

        va_start(args, format);
        r = vasprintf(&text, format, args);
        va_end(args);
        return r < 0 ? -ENOMEM : scols_line_refer_data(line, column, text);
}

int table_set_time(struct libscols_table *table, struct libscols_line *line, size_t column,
                   usec_t usec) {
        if (scols_table_is_json(table))
                return table_set(line, column, "%" PRIu64, usec);
        return table_set(line, column, "%" PRIu64 ".%03us", usec / USEC_PER_SEC,
                         (unsigned) (usec % USEC_PER_SEC / USEC_PER_MSEC));
}
