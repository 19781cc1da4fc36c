/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Judges whether an unbound controller completed its shutdown: write(2) to unbind reports success
 * either way. */
#pragma once

#include "model/result.h"
#include "waves/driver_log.h"

/* Runs in the worker that unbound the controller. Never blocks. A bus error kills the worker: see
 * verify_without_registers().
 *
 * Reads CSTS through <address>/resource0, which the kernel lets no program map while a driver is
 * bound (IO_STRICT_DEVMEM). Where it can't be mapped at all, under lockdown (PCI_ACCESS,
 * pci_mmap_resource(), 6.1) and on s390x, the driver's word decides: whether it has complained
 * since driver_log_skip(log), which the caller calls right before the unbind.
 *
 * Sets result->outcome, and result->reason unless SHST=10b was seen:
 *   OUTCOME_DETACHED    SHST=10b, with is_verified; or, without is_verified, CSTS can't be mapped,
 *                       but the device answers on the bus and the driver has not complained
 *   OUTCOME_FAILED      any other SHST, CFS=1, still bound, or the driver complained
 *   OUTCOME_VANISHED    the device is gone (pci_presence.h)
 *   OUTCOME_UNVERIFIED  CSTS reads as all ones though the device answers, as it does where memory
 *                       decoding is off or the port above it sleeps; or CSTS can't be mapped, and
 *                       the kernel log could not be read completely
 *
 * The driver's word is a little less than SHST=10b: the driver does not complain about a controller
 * that was dead already (CFS=1, nvme_dev_disable(), 6.1). But the same controller has just answered
 * a Flush if it has a cache that could lose something. */
void verify_shutdown(int root_fd, const char *address, const char *name, DriverLog *log,
                     StepResult *result);

/* Runs in the parent, after a worker that died in the unbind or while it read the registers. Reads
 * no register, as that may be what killed the worker.
 *
 * has_complained: the driver has complained about this controller. Its silence proves nothing: a
 * fatal signal ends the driver's wait without a message (nvme_shutdown_ctrl(), 6.1). So this never
 * sets OUTCOME_DETACHED; otherwise it sets outcome and reason like verify_shutdown(). */
void verify_without_registers(int root_fd, const char *address, bool has_complained,
                              StepResult *result);
