/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An entry as a line of the kernel log: its text, followed by values in parentheses.
 *
 * pstore keeps 10 KB of the log (pstore.kmsg_bytes): compressed, that is 33 KB of text; on an older
 * kernel without compression it is only 10 KB. To let the lines of 128 controllers survive among
 * all other messages of the kernel, a controller's line is short: no value repeats the text, model
 * and path are left out, and bridges are not in the kernel log at all. A line usually has 160
 * bytes; with the longest names and serial number, 220. */
#pragma once

#include "record/entry.h"

/* Formats the values in the parentheses:
 *   of a controller  "stage=hook/reboot took=14,15,16,17000000,18 boot=... sn=... at=12"; took has
 *                    the time of each phase
 *   of a summary     "stage=hook summary ..."
 *   of a program     "stage=hook program ..."; what it said is cut so that the value has 224 bytes
 *                    at most */
void entry_line_words(const Entry *entry, char *buffer, size_t size);

/* Parses a line of a kernel log, with or without level, time and caller in front ("<30>[   24.1]
 * nvme-async-shutdown: nvme0 ..."). The long lines of earlier versions, which have model and path,
 * are parsed as well. Returns
 *   0         *ret is set
 *   -ENOMSG   not a line of ours, or one without values
 *   -EBADMSG  a line of ours that is cut off or broken */
int entry_parse_line(const char *line, Entry *ret) _must_check_;
