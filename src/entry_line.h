/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An entry as a line of the kernel log: its text, and the values behind it in parentheses. */
#pragma once

#include "entry.h"

/* What stands in the parentheses: "stage=hook outcome=detached ...". */
void entry_line_words(const Entry *entry, char *buffer, size_t size);

/* The other way. line: one line of a kernel log, with or without level, time and caller in front
 * ("<30>[   24.1] nvme-async-shutdown: nvme0 ..."). 0; -ENOMSG: not one of ours or without values;
 * -EBADMSG: ours, but cut off or broken. */
int entry_parse_line(const char *line, Entry *ret) _must_check_;
