/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See text.h. */

#include "base/text.h"

#include <inttypes.h>

#define TIME_MAX_USEC (24.0 * 3600 * 1e6)

void text_make_printable(char *text) {
        for (; *text; text++)
                if (*text < ' ' || *text > '~')
                        *text = '?';
}

void text_clean_attribute(char *text) {
        static const char blanks[] = " \t\n\v\f\r";
        const char *start = text + strspn(text, blanks);
        size_t n = strlen(start);

        while (n > 0 && strchr(blanks, start[n - 1]))
                n--;
        memmove(text, start, n);
        text[n] = '\0';
        text_make_printable(text);
}

static bool is_octal(char c) {
        return c >= '0' && c <= '7';
}

void text_unescape(char *text) {
        char *to = text;

        while (*text) {
                unsigned value = 0;

                if (text[0] == '\\' && is_octal(text[1]) && is_octal(text[2]) && is_octal(text[3]))
                        value = (unsigned) (text[1] - '0') * 64 + (unsigned) (text[2] - '0') * 8 +
                                (unsigned) (text[3] - '0');
                if (value >= ' ' && value <= UINT8_MAX && value != 0x7f) {
                        *to++ = (char) value;
                        text += 4;
                } else
                        *to++ = *text++;
        }
        *to = '\0';
}

bool text_cut_suffix(char *text, const char *suffix) {
        size_t n = strlen(text), m = strlen(suffix);

        if (n < m || !STREQ(text + n - m, suffix))
                return false;
        text[n - m] = '\0';
        return true;
}

const char *text_parse_time(const char *text, usec_t *ret_usec) {
        static const struct {
                const char *suffix;
                double usec;
        } units[] = { { "", 1e6 },   { "s", 1e6 }, { "sec", 1e6 },
                      { "ms", 1e3 }, { "us", 1 },  { "min", 60e6 } };
        size_t n;
        char *end;
        double value = strtod(text, &end);

        /* strtod() also accepts signs, exponents, "0x" and "nan". */
        if (end == text || end != text + strspn(text, "0123456789."))
                return NULL;
        end += strspn(end, " ");
        n = strspn(end, "abcdefghijklmnopqrstuvwxyz");
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                if (strlen(units[i].suffix) != n || strncmp(end, units[i].suffix, n) != 0)
                        continue;
                if (!(value * units[i].usec <= TIME_MAX_USEC))
                        return NULL;
                *ret_usec = (usec_t) (value * units[i].usec + 0.5);
                return end + n;
        }
        return NULL;
}

const char *text_format_seconds(char buffer[static TEXT_USEC_MAX], usec_t usec) {
        (void) snprintf(buffer, TEXT_USEC_MAX, "%" PRIu64 ".%03us", usec / USEC_PER_SEC,
                        (unsigned) (usec % USEC_PER_SEC / USEC_PER_MSEC));
        return buffer;
}

void text_format_usec(char buffer[static TEXT_USEC_MAX], usec_t usec) {
        *buffer = '\0';
        if (usec >= USEC_PER_SEC)
                (void) snprintf(buffer, TEXT_USEC_MAX, "%.3fs", (double) usec / 1e6);
        else if (usec >= 10 * USEC_PER_MSEC)
                (void) snprintf(buffer, TEXT_USEC_MAX, "%.0fms", (double) usec / 1e3);
        else if (usec >= USEC_PER_MSEC)
                (void) snprintf(buffer, TEXT_USEC_MAX, "%.1fms", (double) usec / 1e3);
        else if (usec > 0)
                (void) snprintf(buffer, TEXT_USEC_MAX, "%uus", (unsigned) usec);
}
