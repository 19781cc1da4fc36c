/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables whose columns are declared once for people and for JSON (libsmartcols). */
#pragma once

#include <libsmartcols.h>

#include "report/json_writer.h"

typedef struct Column {
        const char *heading;
        const char *json_name;
        int flags; /* SCOLS_FL_* */
        int json_type;
} Column;

static inline void columns_unref_table(struct libscols_table **table) {
        scols_unref_table(*table);
}

#define _cleanup_table_ _cleanup_(columns_unref_table)

/* Makes a table that will be printed to stream.
 *   name: of the array in JSON.
 * Returns NULL for want of memory. */
struct libscols_table *columns_new_table(const char *name, const Column *columns, size_t n_columns,
                                         bool json, FILE *stream);

/* Sets the cells of a line.
 *   values: one for each column; NULL leaves the cell empty.
 * Returns 0 or -errno. */
int columns_set_line(struct libscols_line *line, const char *const *values,
                     size_t n_values) _must_check_;

/* The same for a new line at the end of a table without a tree. */
int columns_add_line(struct libscols_table *table, const char *const *values,
                     size_t n_values) _must_check_;

/* Sets a cell from a format. Returns 0 or -errno. */
int columns_set(struct libscols_line *line, size_t column, const char *format, ...)
        _printf_(3, 4) _must_check_;

/* Sets a cell from a time: microseconds in JSON, "4.500s" for people. Returns 0 or -errno. */
int columns_set_time(struct libscols_table *table, struct libscols_line *line, size_t column,
                     usec_t usec) _must_check_;

/* Prints the JSON of the table with the members of another object after its array: libsmartcols
 * itself prints only the array.
 *   members: its document is an object.
 * Returns 0 or -errno. */
int columns_print_with(struct libscols_table *table, const JsonWriter *members,
                       FILE *stream) _must_check_;
