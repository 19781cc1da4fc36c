/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be asked of a controller by ioctl; the only user of libnvme. */
#pragma once

#include "base/util.h"

typedef struct NvmeIdentity {
        char serial[21];   /* SN, trailing spaces removed */
        usec_t rtd3e_usec; /* "typical" time from SHN to SHST=10b; 0: not reported */
        bool has_volatile_cache;
} NvmeIdentity;

/* Identify Controller (NVMe base 2.0, 5.17.2.1: SN bytes 23:04, RTD3E 91:88, VWC 525) by the
 * character device fd. When the controller does not answer it blocks uninterruptibly for the
 * controller's admin_timeout (60 s unless nvme_core.admin_timeout says otherwise): call it in a
 * process that can be abandoned. Returns 0; -errno; -EREMOTEIO when the controller refused the
 * command. */
int controller_identify(int fd, NvmeIdentity *ret) _must_check_;

typedef struct NvmeSmart {
        uint64_t power_cycles; /* both 128 bits wide in the log: UINT64_MAX for more than fits */
        uint64_t unsafe_shutdowns;
} NvmeSmart;

/* SMART / Health Information (NVMe base 2.0, 5.16.1.3: Power Cycles bytes 127:112, Unsafe Shutdowns
 * 159:144). Blocks and returns as controller_identify(). */
int controller_smart(int fd, NvmeSmart *ret) _must_check_;
