/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See names.h. */

#include "base/names.h"

const char *names_find_name(const char *const *table, size_t n, int value) {
        return value >= 0 && (size_t) value < n ? table[value] : NULL;
}

int names_find_value(const char *const *table, size_t n, const char *word) {
        if (!word)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (table[i] && STREQ(table[i], word))
                        return (int) i;
        return -EINVAL;
}
