/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks a controller by ioctl(2). The only user of libnvme. */
#pragma once

#include "base/util.h"

typedef struct NvmeIdentity {
        char serial[21];   /* SN without trailing spaces */
        usec_t rtd3e_usec; /* "typical" time from SHN to SHST=10b; 0: not reported */
        bool has_volatile_cache;
} NvmeIdentity;

/* Sends Identify Controller (NVMe base 2.0, 5.17.2.1: SN bytes 23:04, RTD3E 91:88, VWC 525) to the
 * character device fd.
 *
 * Blocks uninterruptibly for the controller's admin_timeout if it does not answer (60 s unless
 * nvme_core.admin_timeout says otherwise): call it in a process that can be abandoned.
 *
 * Returns 0; -errno; -EREMOTEIO if the controller refused the command. */
int controller_identify(int fd, NvmeIdentity *ret) _must_check_;

/* UINT64_MAX where the log's 128 bits hold more. */
typedef struct NvmeSmart {
        uint64_t power_cycles;
        uint64_t unsafe_shutdowns;
} NvmeSmart;

/* Reads SMART / Health Information (NVMe base 2.0, 5.16.1.3: Power Cycles bytes 127:112, Unsafe
 * Shutdowns 159:144). Blocks and returns like controller_identify(). */
int controller_smart(int fd, NvmeSmart *ret) _must_check_;
