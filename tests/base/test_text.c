/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/text.h"

Test(text, formats_short_times_more_exactly) {
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

Test(text, formats_seconds_to_the_millisecond) {
        char buffer[TEXT_USEC_MAX];

        cr_expect(eq(str, (char *) text_format_seconds(buffer, 0), "0.000s"));
        cr_expect(eq(str, (char *) text_format_seconds(buffer, 1999), "0.001s"));
        cr_expect(eq(str, (char *) text_format_seconds(buffer, 12345678), "12.345s"));
        cr_expect(eq(str, (char *) text_format_seconds(buffer, USEC_INFINITY),
                     "18446744073709.551s"));
}

Test(text, lets_nothing_but_printable_ascii_through) {
        char text[] = "Evil\x1b[2J \xff\n drive";

        text_make_printable(text);
        cr_expect(eq(str, text, "Evil?[2J ?? drive"));
}

Test(text, an_attribute_has_no_blanks_at_its_ends) {
        static const struct {
                const char *text, *clean;
        } cases[] = { { "S1", "S1" },
                      { "                  S1", "S1" },
                      { " \t S 1\r\n \v\f", "S 1" },
                      { "\x1b S1 \xff", "? S1 ?" },
                      { "                    ", "" },
                      { "", "" } };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char text[32];

                (void) snprintf(text, sizeof(text), "%s", cases[i].text);
                text_clean_attribute(text);
                cr_expect(eq(str, text, (char *) cases[i].clean));
        }
}

Test(text, decodes_the_octal_escapes_of_procfs) {
        char text[] = "/srv/with\\040blank\\134and\\011tab\\04";

        text_unescape(text);
        cr_expect(eq(str, text, "/srv/with blank\\and\\011tab\\04"));
}

Test(text, cuts_a_suffix_only_if_it_is_there) {
        char deleted[] = "/dev/dm-1 (deleted)", other[] = "/dev/dm-1";

        cr_expect(text_cut_suffix(deleted, " (deleted)"));
        cr_expect(eq(str, deleted, "/dev/dm-1"));
        cr_expect(not(text_cut_suffix(other, " (deleted)")));
        cr_expect(eq(str, other, "/dev/dm-1"));
}

Test(text, parses_a_time_and_returns_the_rest) {
        static const struct {
                const char *text;
                usec_t usec;
                const char *rest;
        } rows[] = {
                { "2", 2000000, "" },          { "0.1s-13s", 100000, "-13s" },
                { "1500 ms", 1500000, "" },    { "7us,8", 7, ",8" },
                { "1.5min", 90000000, "" },    { "0", 0, "" },
                { "24sec x", 24000000, " x" },
        };
        static const char *const bad[] = { "", "s", "-1", "1e3", "0x10", "nan", "5h", "90000s" };
        usec_t usec;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *rest = text_parse_time(rows[i].text, &usec);

                cr_assert(ne(ptr, (void *) rest, NULL), "%s", rows[i].text);
                cr_expect(eq(str, (char *) rest, (char *) rows[i].rest));
                cr_expect(eq(u64, usec, rows[i].usec));
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                cr_expect(eq(ptr, (void *) text_parse_time(bad[i], &usec), NULL), "%s", bad[i]);
}
