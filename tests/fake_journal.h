/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Journal files with entries of a test's choice, made by systemd-journal-remote. */
#pragma once

#include "record/entry.h"

/* Begins a boot, to which all entries belong until the next one begins. Boots are a day apart. id:
 * 32 hexadecimal digits. */
void fake_journal_boot(const char *id);

/* Sets the _UID= of later entries; NULL: they have none. "0" by default. */
void fake_journal_uid(const char *sender);

/* Adds an entry with MESSAGE= and SYSLOG_IDENTIFIER=nvme-async-shutdown only. */
void fake_journal_line(const char *message);

/* Adds a line of the kernel log as journald stores it: identifier and text apart. */
void fake_journal_kernel_line(const char *transport, const char *message);

/* Adds the entry as entry_log() writes it. */
void fake_journal_entry(const Entry *entry);

/* Writes the file below $TMPDIR and forgets all entries. Returns the path, valid until the next
 * call. */
const char *fake_journal_write(void);
void fake_journal_remove(void);
