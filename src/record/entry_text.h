/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of an entry: its MESSAGE=, and what can be had back out of it. */
#pragma once

#include "record/entry.h"

/* "nvme0 0000:01:00.0: left, flushed: /dev/nvme0n1 is mounted on /" */
void entry_text_format(const Entry *entry, char *buffer, size_t size);

/* Takes name, address, outcome and is_flushed over from such a text of a controller; those that are
 * set already (from words behind the text) stay. False: it is none. */
bool entry_text_take_head(Entry *entry, const char *text);

/* Whether text is what entry_text_format() makes of the entry, but for the reason, which is taken
 * over from the text; it may have been cut off at its end. */
bool entry_text_take_reason(Entry *entry, const char *text);
