/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where journald writes to at this moment. */
#pragma once

#include "base/util.h"

/* Whether what is logged now is gone after the shutdown: /var/log/journal is not there, or journald
 * writes to /run/log/journal all the same (Storage=volatile; a /var of its own that has been
 * unmounted). It removes what is in there when it turns to /var/log/journal
 * (server_flush_to_var() in journald-server.c). */
bool is_journal_volatile(int root_fd);
