/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has one of our block or character devices open or mapped. */
#pragma once

#include "usage_state.h"

/* Walks /proc/PID once, without this very process. A process that ends meanwhile is ignored, one
 * that may not be looked at is a doubt. Returns 0 or -ENOMEM. */
int usage_read_processes(Usage *usage) _must_check_;
