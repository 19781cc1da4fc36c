/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decoding registers; see nvme_registers.h. libnvme's definitions, none of its code. */

#include "nvme_registers.h"

#include <nvme/types.h>

_Static_assert(NVME_CSTS_OFFSET == NVME_REG_CSTS, "CSTS is where the specification says");

NvmeShutdown controller_shutdown_status(uint32_t csts) {
        if (csts == UINT32_MAX)
                return NVME_SHUTDOWN_NO_ANSWER;
        if (NVME_CSTS_SHST(csts) == NVME_CSTS_SHST_CMPLT)
                return NVME_SHUTDOWN_COMPLETE;
        if (NVME_CSTS_CFS(csts))
                return NVME_SHUTDOWN_FATAL;
        return NVME_CSTS_SHST(csts) == NVME_CSTS_SHST_OCCUR ? NVME_SHUTDOWN_OCCURRING
                                                            : NVME_SHUTDOWN_NONE;
}
