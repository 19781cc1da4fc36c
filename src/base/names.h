/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of an enum: table[value], in both directions. */
#pragma once

#include "base/util.h"

/* Returns the word, or NULL if the value is not in the table or has no word. */
const char *names_find_name(const char *const *table, size_t n, int value);

/* Returns the value, or -EINVAL if the word is NULL or not in the table. */
int names_find_value(const char *const *table, size_t n, const char *word);

/* The same for a table that is a C array. */
#define NAME_OF(table, value) names_find_name(table, ARRAY_SIZE(table), (int) (value))
#define VALUE_OF(table, word) names_find_value(table, ARRAY_SIZE(table), word)
