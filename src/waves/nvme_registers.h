/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the register file of a controller says. */
#pragma once

#include "base/util.h"

/* CSTS (NVMe base 2.0, 3.1.3.6) out of a register value. */
typedef enum NvmeShutdown {
        NVME_SHUTDOWN_NONE,      /* SHST=00b: no shutdown was requested */
        NVME_SHUTDOWN_OCCURRING, /* SHST=01b */
        NVME_SHUTDOWN_COMPLETE,  /* SHST=10b */
        NVME_SHUTDOWN_FATAL,     /* CFS=1 and no complete shutdown */
        NVME_SHUTDOWN_NO_ANSWER, /* all ones: the read was not answered */
} NvmeShutdown;

/* Where CSTS is in the register file (NVMe base 2.0, 3.1.3), and the size to map for it. */
#define NVME_CSTS_OFFSET 0x1c
#define NVME_REGISTERS_SIZE 4096

NvmeShutdown controller_shutdown_status(uint32_t csts);
