/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "text.h"

Test(text, times_are_as_exact_as_they_are_long) {
        static const struct {
                usec_t usec;
                const char *text;
        } cases[] = { { 0, "" },
                      { 40, "40us" },
                      { 1300, "1.3ms" },
                      { 40000, "40ms" },
                      { 999000, "999ms" },
                      { 2103000, "2.103s" },
                      { 61000000, "61.000s" } };
        char buffer[TEXT_USEC_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                text_format_usec(buffer, cases[i].usec);
                cr_expect(eq(str, buffer, (char *) cases[i].text));
        }
        text_format_usec(buffer, USEC_INFINITY);
}

Test(text, lets_nothing_but_printable_ascii_through) {
        char text[] = "Evil\x1b[2J \xff\n drive";

        text_make_printable(text);
        cr_expect(eq(str, text, "Evil?[2J ?? drive"));
}

Test(text, decodes_the_octal_escapes_of_procfs) {
        char text[] = "/srv/with\\040blank\\134and\\011tab\\04";

        text_unescape(text);
        cr_expect(eq(str, text, "/srv/with blank\\and\\011tab\\04"));
}

Test(text, cuts_a_suffix_only_where_it_is) {
        char deleted[] = "/dev/dm-1 (deleted)", other[] = "/dev/dm-1";

        cr_expect(text_cut_suffix(deleted, " (deleted)"));
        cr_expect(eq(str, deleted, "/dev/dm-1"));
        cr_expect(not(text_cut_suffix(other, " (deleted)")));
        cr_expect(eq(str, other, "/dev/dm-1"));
}
