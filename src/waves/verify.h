/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Says whether a controller that was unbound has completed its shutdown: write(2) to unbind reports
 * success either way. */
#pragma once

#include "model/result.h"
#include "waves/driver_log.h"

/* In the worker that unbound it. Reads CSTS through <address>/resource0, which the kernel lets
 * no program map while a driver is bound (IO_STRICT_DEVMEM). Where it can't be mapped at all, under
 * lockdown (PCI_ACCESS, pci_mmap_resource(), 6.1) and on s390x, the driver's word decides: what it
 * has complained of since driver_log_skip(log), which is to be called right before the unbind. Sets
 * result->outcome to
 *   OUTCOME_DETACHED    SHST=10b, and is_verified; or, without is_verified, CSTS can't be mapped,
 *                       but the device answers on the bus and the driver has not complained,
 *   OUTCOME_FAILED      any other SHST, CFS=1, still bound, or the driver complained,
 *   OUTCOME_VANISHED    the device is gone (pci_presence.h),
 *   OUTCOME_UNVERIFIED  CSTS reads as all ones though the device answers, which it does where
 *                       memory decoding is off or the port above it sleeps; or it can't be mapped
 *                       and the kernel log could not be read, or not all of it,
 * and result->reason wherever SHST=10b was not seen. Never blocks. A bus error ends the worker: see
 * verify_without_registers().
 *
 * The driver's word is a little less than SHST=10b: it says nothing of a controller that was dead
 * already (CFS=1, nvme_dev_disable(), 6.1). But the same controller has just answered a Flush, if
 * it has a cache that could lose something. */
void verify_shutdown(int root_fd, const char *address, const char *name, DriverLog *log,
                     StepResult *result);

/* In the parent, after a worker that did not come back from the unbind or from its look at the
 * registers: those it never reads itself. has_complained: the driver has, of that controller. A
 * fatal signal ends the driver's wait without a word (nvme_shutdown_ctrl(), 6.1), so that its
 * silence proves nothing here: never OUTCOME_DETACHED, otherwise as above. */
void verify_without_registers(int root_fd, const char *address, bool has_complained,
                              StepResult *result);
