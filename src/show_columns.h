/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables by libsmartcols: each column is declared once, for people and for JSON. */
#pragma once

#include <libsmartcols.h>

#include "util.h"

typedef struct Column {
        const char *heading;
        const char *json_name;
        int flags;
        int json_type;
} Column;

/* A table with the given columns; NULL for want of memory. */
struct libscols_table *show_new_table(const char *name, const Column *columns, size_t n_columns,
                                      bool json, FILE *stream);

/* 0 or -errno. */
int show_print_and_free(struct libscols_table *table) _must_check_;

/* Sets a cell from a format. 0 or -errno. */
int show_set(struct libscols_line *line, size_t column, const char *format, ...)
        _printf_(3, 4) _must_check_;

/* Sets a cell from a time: microseconds in JSON, "4.500s" for people. 0 or -errno. */
int show_set_time(struct libscols_table *table, struct libscols_line *line, size_t column,
                  usec_t usec) _must_check_;
