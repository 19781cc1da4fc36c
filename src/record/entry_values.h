/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table from which an entry's journal fields and its line in the kernel log are both written
 * and read. Private to entry.c and entry_line.c. */
#pragma once

#include "record/entry.h"

typedef enum ValueType {
        VALUE_TEXT,
        VALUE_STAGE,
        VALUE_ACTION,
        VALUE_OUTCOME,
        VALUE_PROGRAM_END,
        VALUE_BOOLEAN,
        VALUE_COUNT,  /* unsigned */
        VALUE_NUMBER, /* 64 bits: microseconds, SMART counters */
} ValueType;

typedef struct EntryValue {
        unsigned kinds; /* 1U << EntryKind of each kind of entry that has it */
        ValueType type;
        size_t offset;         /* of the member in Entry */
        size_t size;           /* of the member, if VALUE_TEXT */
        const char *field;     /* the journal's name for it */
        const char *key;       /* in a line of the kernel log; NULL: in the journal only */
        bool is_needed;        /* written even if it is empty or 0; an entry without it is broken */
        const char *short_key; /* in the short line of a controller; NULL: not a word there */
} EntryValue;

/* Longest value, its NUL included. */
#define ENTRY_VALUE_MAX 512

extern const EntryValue entry_values[];
extern const size_t n_entry_values;

/* Whether entries of that kind have the value. */
bool entry_value_is_for(const EntryValue *value, EntryKind kind);

/* Writes the value as text; "" if it is not to be written. */
void entry_value_format(const Entry *entry, const EntryValue *value, char *buffer, size_t size);

/* Sets the entry's member from text. Returns 0 or -EINVAL; a boolean is set to false then, any
 * other member is untouched. */
int entry_value_parse(Entry *entry, const EntryValue *value, const char *text) _must_check_;
