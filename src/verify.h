/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Says whether a controller that was unbound has completed its shutdown: write(2) to unbind reports
 * success either way. */
#pragma once

#include "record.h"

/* Reads CSTS through <address>/resource0, which the kernel lets nobody map while a driver is bound
 * (IO_STRICT_DEVMEM). Where it can't be mapped at all (lockdown), the driver's own complaint in the
 * kernel log since since_usec decides. Sets result->outcome to
 *   OUTCOME_DETACHED    SHST=10b,
 *   OUTCOME_FAILED      any other SHST, CFS=1, still bound, or the driver complained,
 *   OUTCOME_VANISHED    the device is gone or all registers read as ones,
 *   OUTCOME_UNVERIFIED  nothing could be read and nothing was complained about,
 * and result->reason for all but the first. Never blocks. */
void verify_shutdown(int root_fd, const char *address, const char *name, usec_t since_usec,
                     StepResult *result);
