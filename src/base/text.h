/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes text from hardware, processes and the kernel's tables fit for a log line; times as text. */
#pragma once

#include "base/util.h"

/* Replaces, in place, every byte that is not printable ASCII by '?'. A drive's strings are ASCII by
 * specification (NVMe base 2.0, 1.4.2); no other byte may reach a terminal or JSON. */
void text_make_printable(char *text);

/* The same, and removes the white space at both ends: drives pad serial numbers and models with
 * blanks, some of them at the start. Two such strings can be compared only if both have passed
 * through here. */
void text_clean_attribute(char *text);

/* Decodes, in place, the octal escapes of procfs tables ("\040"), except of control characters. */
void text_unescape(char *text);

/* "17us", "1.3ms", "40ms", "2.103s"; "" for 0. */
#define TEXT_USEC_MAX 32
void text_format_usec(char buffer[static TEXT_USEC_MAX], usec_t usec);

/* "2.103s": seconds and whole milliseconds. Returns buffer. */
const char *text_format_seconds(char buffer[static TEXT_USEC_MAX], usec_t usec);

/* Removes suffix from the end, in place. Returns whether it was there. */
bool text_cut_suffix(char *text, const char *suffix);

/* Parses a time like "2", "1.5s", "300ms", "2min" or "50us" at the start of text; a plain number is
 * seconds. Returns the rest of text, or NULL if there is no such time or it exceeds a day. */
const char *text_parse_time(const char *text, usec_t *ret_usec);
