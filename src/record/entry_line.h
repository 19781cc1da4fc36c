/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An entry as a line of the kernel log: its text, and the values behind it in parentheses.
 *
 * pstore keeps 10 KB of the log, compressed, which are 33 KB of text (pstore.kmsg_bytes), or that
 * much without compression where an older kernel has none. So that the lines of 128 controllers
 * survive with all that the kernel says at the same time, a controller's line is short: what the
 * text says is in no word, model and path are left out, and what a bridge says is not in the kernel
 * log at all. Usually it has 160 bytes, with the longest names and serial number 220. */
#pragma once

#include "record/entry.h"

/* What stands in the parentheses: of a controller "stage=hook/reboot took=14,15,16,17000000,18
 * boot=... sn=... at=12", took being its phases; of others "stage=hook summary ...". */
void entry_line_words(const Entry *entry, char *buffer, size_t size);

/* The other way. line: one line of a kernel log, with or without level, time and caller in front
 * ("<30>[   24.1] nvme-async-shutdown: nvme0 ..."). 0; -ENOMSG: not one of ours or without values;
 * -EBADMSG: ours, but cut off or broken. The long lines of earlier versions are read too, with
 * model and path. */
int entry_parse_line(const char *line, Entry *ret) _must_check_;
