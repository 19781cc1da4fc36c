/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's own lists of what is in use: mounts, swaps, btrfs members, exports. */
#pragma once

#include "inuse/state.h"

/* Mounts, swaps, btrfs members and configfs exports, in that order. A table that can't be read or
 * understood becomes a doubt. Returns 0 or -ENOMEM. */
int inuse_read_tables(Inuse *inuse) _must_check_;
