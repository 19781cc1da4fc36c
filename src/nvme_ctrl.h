/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be asked of a controller by ioctl; the only user of libnvme. */
#pragma once

#include "util.h"

typedef struct NvmeIdentity {
        char serial[21];   /* SN, trailing spaces removed */
        usec_t rtd3e_usec; /* "typical" time from SHN to SHST=10b; 0: not reported */
        bool has_volatile_cache;
} NvmeIdentity;

/* Identify Controller (NVMe base 2.0, 5.17.2.1: SN bytes 23:04, RTD3E 91:88, VWC 525) by the
 * character device fd. Blocks uninterruptibly for up to nvme_core.admin_timeout (60 s) when the
 * controller does not answer: call it in a process that can be abandoned. Returns 0; -errno;
 * -EREMOTEIO when the controller refused the command. */
int controller_identify(int fd, NvmeIdentity *ret) _must_check_;

/* Flush (NVM command set 1.0, 3.2.1) of the namespace behind the block device fd. Blocks for up to
 * nvme_core.io_timeout (30 s). Returns as controller_identify(). */
int controller_flush(int fd) _must_check_;

/* CSTS (NVMe base 2.0, 3.1.3.6) out of a register value. */
typedef enum NvmeShutdown {
        NVME_SHUTDOWN_NONE,      /* SHST=00b: no shutdown was requested */
        NVME_SHUTDOWN_OCCURRING, /* SHST=01b */
        NVME_SHUTDOWN_COMPLETE,  /* SHST=10b */
        NVME_SHUTDOWN_FATAL,     /* CFS=1 and no complete shutdown */
        NVME_SHUTDOWN_GONE,      /* all ones: nobody answers on the bus */
} NvmeShutdown;

/* Where CSTS is in the register file, and the size to map for it. */
#define NVME_CSTS_OFFSET 0x1c
#define NVME_REGISTERS_SIZE 4096

NvmeShutdown controller_shutdown_status(uint32_t csts);
