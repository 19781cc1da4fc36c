/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Admin commands; see nvme_ctrl.h.
 *
 * This file uses libnvme's definitions of commands and data, which 1.x and 3.x share, but calls
 * none of its functions: 3.x opens a controller by name only (libnvme_open()) and takes no
 * descriptor. The name may belong to another drive by now, and means nothing below another root
 * directory; the caller's descriptor is still the same drive's. */

#include "waves/nvme_ctrl.h"

#include <endian.h>
#include <sys/ioctl.h>

#include <libnvme.h>
/* Has to follow libnvme.h: 1.x defines the same and keeps this header out, 3.x relies on it. */
#include <linux/nvme_ioctl.h>

/* Sends an admin command that reads size bytes into data. */
static int send_admin(int fd, struct nvme_passthru_cmd *command, void *data, size_t size) {
        int status;

        command->addr = (uintptr_t) data;
        command->data_len = (uint32_t) size;
        status = ioctl(fd, NVME_IOCTL_ADMIN_CMD, command);
        if (status < 0)
                return -errno;
        return status > 0 ? -EREMOTEIO : 0; /* positive: an NVMe status */
}

int controller_identify(int fd, NvmeIdentity *ret) {
        struct nvme_passthru_cmd command = {
                .opcode = nvme_admin_identify,
                .cdw10 = NVME_IDENTIFY_CNS_CTRL,
        };
        _Alignas(4096) struct nvme_id_ctrl id = {};
        NvmeIdentity identity = {};
        size_t n = sizeof(id.sn);
        int r;

        r = send_admin(fd, &command, &id, sizeof(id));
        if (r < 0)
                return r;
        while (n > 0 && (id.sn[n - 1] == ' ' || id.sn[n - 1] == '\0'))
                n--;
        memcpy(identity.serial, id.sn, n);
        identity.rtd3e_usec = le32toh(id.rtd3e);
        identity.has_volatile_cache = id.vwc & NVME_CTRL_VWC_PRESENT;
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
        /* NVMe base 2.0, figure 198: NUMDL, in dwords and zero-based, in the upper half. */
        struct nvme_passthru_cmd command = {
                .opcode = nvme_admin_get_log_page,
                .nsid = NVME_NSID_ALL,
                .cdw10 = NVME_LOG_LID_SMART | (sizeof(log) / sizeof(uint32_t) - 1) << 16,
        };
        int r;

        r = send_admin(fd, &command, &log, sizeof(log));
        if (r < 0)
                return r;
        ret->power_cycles = read_u128(log.power_cycles);
        ret->unsafe_shutdowns = read_u128(log.unsafe_shutdowns);
        return 0;
}
