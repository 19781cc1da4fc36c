/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decoding registers; see nvme_registers.h. */

#include "waves/nvme_registers.h"

/* NVMe base 2.0, 3.1.3.6: CFS is bit 1, SHST bits 3:2. */
#define CSTS_CFS (1U << 1)
#define CSTS_SHST(csts) ((csts) >> 2 & 3)
#define SHST_OCCURRING 1
#define SHST_COMPLETE 2

NvmeShutdown controller_shutdown_status(uint32_t csts) {
        if (csts == UINT32_MAX)
                return NVME_SHUTDOWN_NO_ANSWER;
        if (CSTS_SHST(csts) == SHST_COMPLETE)
                return NVME_SHUTDOWN_COMPLETE;
        if (csts & CSTS_CFS)
                return NVME_SHUTDOWN_FATAL;
        return CSTS_SHST(csts) == SHST_OCCURRING ? NVME_SHUTDOWN_OCCURRING : NVME_SHUTDOWN_NONE;
}
