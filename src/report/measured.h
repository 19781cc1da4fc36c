/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each controller's shutdown has taken, as far as the journal remembers. */
#pragma once

#include "model/topology.h"

/* Sets measured_usec of each controller whose handshake was seen to end in one of the last
 * shutdowns, to the longest time there: a plan is better prepared for a bad day. A controller is
 * recognised by address and serial number, and where it has moved by its serial number alone. path:
 * see journal_record_open(). Returns how many controllers were found, or -errno. */
int measured_read(const char *path, Topology *topology) _must_check_;
