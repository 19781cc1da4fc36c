/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Journal files with whatever a test wants in them, made by systemd-journal-remote. */
#pragma once

#include "record/entry.h"

/* Everything added from here on was written in that boot; boots follow each other by a day. id: 32
 * hexadecimal digits. */
void fake_journal_boot(const char *id);

/* Who wrote what is added from here on: "0" at first; NULL: no _UID= at all. */
void fake_journal_uid(const char *sender);

/* A line with SYSLOG_IDENTIFIER=nvme-async-shutdown and nothing else to it. */
void fake_journal_line(const char *message);

/* As entry_log() writes it. */
void fake_journal_entry(const Entry *entry);

/* Writes the file and begins anew. Its path below $TMPDIR is valid until the next call. */
const char *fake_journal_write(void);
void fake_journal_remove(void);
