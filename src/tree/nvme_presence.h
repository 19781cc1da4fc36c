/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands at a PCI address right now, as far as the nvme driver has come with it. */
#pragma once

#include "base/util.h"

typedef struct NvmePresence {
        bool is_on_bus;
        bool is_driven;      /* by any driver */
        char name[32];       /* "nvme3" from the moment it has one, else "" */
        char serial[64];     /* printable; "" before the controller was identified */
        char state[32];      /* "live", "connecting", ...; "" without a name */
        size_t n_namespaces; /* that programs can use: with udevd, those that it is done with */
} NvmePresence;

/* Reads it from sysfs (and udev's database) below root_fd. What is not there, or vanishes
 * meanwhile, reads as "not yet". Never blocks. */
void nvme_presence_read(int root_fd, const char *address, NvmePresence *ret);

/* How many PCI functions are bound to the nvme driver; -errno when that can't be found out. No
 * driver is 0. */
ssize_t nvme_presence_count(int root_fd);
