/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands; see nvme_ctrl.h. */

#include "nvme_ctrl.h"

#include <endian.h>

#include <libnvme.h>

/* libnvme 1.x: below 0 errno is set, above 0 is an NVMe status. */
static int status_to_errno(int status) {
        if (status < 0)
                return errno > 0 ? -errno : -EIO;
        return status > 0 ? -EREMOTEIO : 0;
}

int controller_identify(int fd, NvmeIdentity *ret) {
        _Alignas(4096) struct nvme_id_ctrl id = {};
        NvmeIdentity identity = {};
        size_t n = sizeof(id.sn);
        int r;

        r = status_to_errno(nvme_identify_ctrl(fd, &id));
        if (r < 0)
                return r;
        while (n > 0 && (id.sn[n - 1] == ' ' || id.sn[n - 1] == '\0'))
                n--;
        memcpy(identity.serial, id.sn, n);
        identity.rtd3e_usec = le32toh(id.rtd3e);
        identity.has_volatile_cache = id.vwc & 1;
        *ret = identity;
        return 0;
}

/* Little-endian, 16 bytes. */
static uint64_t read_u128(const uint8_t bytes[16]) {
        uint64_t value = 0;

        for (int i = 15; i >= 0; i--) {
                if (i >= 8 && bytes[i] > 0)
                        return UINT64_MAX;
                value = value << 8 | bytes[i];
        }
        return value;
}

int controller_smart(int fd, NvmeSmart *ret) {
        struct nvme_smart_log log = {};
        int r;

        r = status_to_errno(nvme_get_log_smart(fd, NVME_NSID_ALL, false, &log));
        if (r < 0)
                return r;
        ret->power_cycles = read_u128(log.power_cycles);
        ret->unsafe_shutdowns = read_u128(log.unsafe_shutdowns);
        return 0;
}
