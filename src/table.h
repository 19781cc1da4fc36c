/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every table has in common: columns declared once for people and for JSON (libsmartcols). */
#pragma once

#include <libsmartcols.h>

#include "util.h"

typedef struct TableColumn {
        const char *heading;
        const char *json_name;
        int flags; /* SCOLS_FL_* */
        int json_type;
} TableColumn;

/* A table with the given columns; NULL for want of memory. */
struct libscols_table *table_new(const char *name, const TableColumn *columns, size_t n_columns,
                                 bool json, FILE *stream);

/* Adds a line; NULL or "" leaves a cell empty. 0 or -errno. */
int table_add(struct libscols_table *table, const char *const *cells, size_t n_cells) _must_check_;

/* 0 or -errno. */
int table_print_and_free(struct libscols_table *table) _must_check_;

/* Sets a cell from a format. 0 or -errno. */
int table_set(struct libscols_line *line, size_t column, const char *format, ...)
        _printf_(3, 4) _must_check_;

/* Sets a cell from a time: microseconds in JSON, "4.500s" for people. 0 or -errno. */
int table_set_time(struct libscols_table *table, struct libscols_line *line, size_t column,
                   usec_t usec) _must_check_;
