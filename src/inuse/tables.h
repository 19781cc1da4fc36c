/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to inuse. The kernel's own lists of devices in use. */
#pragma once

#include "inuse/state.h"

/* Reads mounts, swaps, btrfs members and exports, in that order. A table that can't be read or
 * parsed becomes a doubt. Returns 0 or -ENOMEM. */
int inuse_read_tables(Inuse *inuse) _must_check_;
