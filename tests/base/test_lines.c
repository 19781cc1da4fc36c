/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/lines.h"

Test(lines, keeps_each_line_in_order, .timeout = 10) {
        _cleanup_lines_ Lines lines = LINES_INIT;

        for (int i = 0; i < 100; i++)
                cr_assert(eq(int, lines_add(&lines, "line %d", i), 0));
        cr_assert(eq(sz, lines.n, 100));
        cr_expect(eq(str, lines.items[0], "line 0"));
        cr_expect(eq(str, lines.items[99], "line 99"));
}

Test(lines, a_line_is_printable_whatever_it_quotes, .timeout = 10) {
        _cleanup_lines_ Lines lines = LINES_INIT;

        cr_assert(eq(int, lines_add(&lines, "%s", "a\tb\x1b[1m\n\xff"), 0));
        cr_expect(eq(str, lines.items[0], "a?b?[1m??"));
}

Test(lines, done_leaves_an_empty_list, .timeout = 10) {
        Lines lines = LINES_INIT;

        cr_assert(eq(int, lines_add(&lines, "x"), 0));
        lines_done(&lines);
        cr_expect(eq(sz, lines.n, 0));
        cr_expect(eq(ptr, lines.items, NULL));
        lines_done(&lines);
}
