/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine out of what anybody can paste: the texts of "lspci -tv" and "lsblk --json". */
#pragma once

#include "snapshot.h"

/* Makes a snapshot with the default configuration. Which controller carries which of lsblk's disks
 * neither text tells: if there are as many of one as of the other they are paired in order, else
 * all of them are taken for used. Whatever had to be guessed or is missing is in ret->unknown.
 * Columns like MODEL and SERIAL (lsblk --json -o +MODEL,SERIAL) are used if they are there. 0;
 * -ENOMEM; -errno, with the file, the place and the fault in why. */
int foreign_read(const char *lspci_file, const char *lsblk_file, Snapshot *ret, char *why,
                 size_t why_size) _must_check_;
