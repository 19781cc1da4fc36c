/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every table has in common: columns declared once for people and for JSON (libsmartcols). */
#pragma once

#include <json-c/json.h>
#include <libsmartcols.h>

#include "base/util.h"

typedef struct Column {
        const char *heading;
        const char *json_name;
        int flags; /* SCOLS_FL_* */
        int json_type;
} Column;

/* A table with the given columns; NULL for want of memory. */
struct libscols_table *columns_new_table(const char *name, const Column *columns, size_t n_columns,
                                         bool json, FILE *stream);

/* Adds what values has (one for each column; NULL: empty). 0 or -errno. */
int columns_set_line(struct libscols_line *line, const char *const *values,
                     size_t n_values) _must_check_;

/* The same for a new line at the end of a table without a tree. */
int columns_add_line(struct libscols_table *table, const char *const *values,
                     size_t n_values) _must_check_;

/* Sets a cell from a format. 0 or -errno. */
int columns_set(struct libscols_line *line, size_t column, const char *format, ...)
        _printf_(3, 4) _must_check_;

/* Sets a cell from a time: microseconds in JSON, "4.500s" for people. 0 or -errno. */
int columns_set_time(struct libscols_table *table, struct libscols_line *line, size_t column,
                     usec_t usec) _must_check_;

/* 0 or -errno. */
int columns_print_and_free(struct libscols_table *table) _must_check_;

/* The same for JSON with further members behind the table's array, which is all that libsmartcols
 * prints. Takes members over; NULL: for want of memory. */
int columns_print_with_and_free(struct libscols_table *table, struct json_object *members,
                                FILE *stream) _must_check_;
