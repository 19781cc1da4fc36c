/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one table from which an entry's journal fields and its line in the kernel log are written and
 * read. For entry.c and entry_line.c. */
#pragma once

#include "record/entry.h"

typedef enum ValueType {
        VALUE_TEXT,
        VALUE_STAGE,
        VALUE_ACTION,
        VALUE_OUTCOME,
        VALUE_BOOLEAN,
        VALUE_COUNT,
        VALUE_USEC, /* and any other large number */
} ValueType;

typedef struct EntryValue {
        unsigned kinds;
        ValueType type;
        size_t offset;
        size_t size; /* of a text */
        const char *field;
        const char *key;       /* in the kernel log's line; NULL: only a field */
        bool is_needed;        /* written even if empty or 0, and missed when it is not there */
        const char *short_key; /* in the short line of a controller; NULL: not as such */
} EntryValue;

/* Longest value, its NUL included. */
#define ENTRY_VALUE_MAX 512

extern const EntryValue entry_values[];
extern const size_t n_entry_values;

/* Whether an entry of that kind has it. */
bool entry_value_is_for(const EntryValue *value, EntryKind kind);

/* "" for what is not to be written. */
void entry_value_format(const Entry *entry, const EntryValue *value, char *buffer, size_t size);

/* 0 or -EINVAL; the member is untouched then. */
int entry_value_parse(Entry *entry, const EntryValue *value, const char *text) _must_check_;
