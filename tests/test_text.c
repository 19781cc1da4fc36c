/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "text.h"

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
