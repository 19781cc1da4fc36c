/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far the nvme driver has come with the function at a PCI address. */
#pragma once

#include "base/util.h"

typedef struct NvmePresence {
        bool is_on_bus;
        bool is_driven;      /* by any driver */
        char name[32];       /* "nvme3"; "" as long as it has none */
        char serial[64];     /* printable; "" until the controller is identified */
        char state[32];      /* "live", "connecting", ...; "" without a name */
        size_t n_namespaces; /* that programs can use; if udevd runs, those that it has processed */
} NvmePresence;

/* Reads sysfs and udev's database below root_fd. A missing device or attribute leaves its field
 * false, "" or 0. Never blocks. */
void nvme_presence_read(int root_fd, const char *address, NvmePresence *ret);

/* Returns how many PCI functions are bound to the nvme driver, 0 without the driver, or -errno. */
ssize_t nvme_presence_count(int root_fd);
