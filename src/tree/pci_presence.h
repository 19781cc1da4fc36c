/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds out whether a PCI function still answers on the bus. */
#pragma once

#include "base/util.h"

/* Reads the standard header of the function's configuration space, all 64 bytes, below root_fd.
 *
 *   1: it answers.
 *   0: it is gone: sysfs does not have it, or every byte reads as ones, which is what the root
 *   complex returns in place of a missing answer (PCIe base 5.0, 2.3.2).
 *   -errno: unknown. -ENODATA: sysfs returned only a part of the header, all ones.
 *
 * Vendor and device ID alone don't suffice: a virtual function's are FFFFh by specification (SR-IOV
 * 1.1, 3.4.1.1), unlike its status and class code. Never blocks. */
int pci_presence(int root_fd, const char *address);

/* The same for the function whose directory in sysfs is open as function_fd. It does not know the
 * address, so -ENOENT may mean that the function is gone: ask pci_is_listed(). */
int pci_presence_at(int function_fd);

/* Whether sysfs has the address. true if that can't be found out. */
bool pci_is_listed(int root_fd, const char *address);
