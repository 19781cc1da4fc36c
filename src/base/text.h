/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes what hardware, processes and the kernel's tables say fit for a log line. */
#pragma once

#include "base/util.h"

/* Replaces, in place, every byte that is not printable ASCII by '?': a drive's strings are ASCII by
 * the specification (NVMe base 2.0, 1.4.2), and nothing else may reach a terminal or JSON. */
void text_make_printable(char *text);

/* The same for an attribute of a drive, and cuts the white space at both ends off: drives pad their
 * serial numbers and models with blanks, some of them in front. Two strings that are compared with
 * each other must both have passed through here. */
void text_clean_attribute(char *text);

/* Decodes, in place, the octal escapes of procfs tables ("\040"). Control characters stay escaped.
 */
void text_unescape(char *text);

/* "17us", "1.3ms", "40ms", "2.103s"; "" for 0. */
#define TEXT_USEC_MAX 32
void text_format_usec(char buffer[static TEXT_USEC_MAX], usec_t usec);

/* "2.103s": seconds and whole milliseconds. Returns buffer. */
const char *text_format_seconds(char buffer[static TEXT_USEC_MAX], usec_t usec);

/* Cuts a suffix off, in place. Returns whether it was there. */
bool text_cut_suffix(char *text, const char *suffix);

/* Reads a time like "2", "1.5s", "300ms", "2min" or "50us" from the beginning of text; a plain
 * number is seconds. Returns what follows it, or NULL where there is no such time, or one of more
 * than a day. */
const char *text_parse_time(const char *text, usec_t *ret_usec);
