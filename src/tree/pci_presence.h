/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a PCI function still answers on the bus. */
#pragma once

#include "base/util.h"

/* Reads the standard header of that address's configuration space, all 64 bytes, below root_fd.
 *   1: it answers;
 *   0: it is gone: sysfs does not know it, or every byte reads as ones, which is what the root
 * complex puts in the place of an answer that does not come (PCIe base 5.0, 2.3.2);
 *   -errno: that can't be told (-ENODATA: sysfs gave only a part of the header, all ones).
 * Vendor and device ID alone tell nothing: those of a virtual function are FFFFh by specification
 * (SR-IOV 1.1, 3.4.1.1), its status and its class code are its own. Never blocks. */
int pci_presence(int root_fd, const char *address);

/* Whether sysfs knows the address. What can't be told counts as known. */
bool pci_is_listed(int root_fd, const char *address);
