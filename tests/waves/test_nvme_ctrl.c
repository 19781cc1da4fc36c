/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <endian.h>
#include <libnvme.h>
#include <linux/nvme_ioctl.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "waves/nvme_ctrl.h"

static union {
        struct nvme_smart_log log;
        struct nvme_id_ctrl id;
} answer;
static int answer_status; /* what ioctl() returns; if it is negative, errno is EIO */
static int asked_fd;
static struct nvme_passthru_cmd asked;

/* Replaces libc's: the controller of this test. */
int ioctl(int fd, unsigned long request, ...) {
        va_list args;

        cr_assert(eq(ulong, request, NVME_IOCTL_ADMIN_CMD));
        va_start(args, request);
        asked = *va_arg(args, struct nvme_passthru_cmd *);
        va_end(args);
        asked_fd = fd;
        if (answer_status < 0)
                errno = EIO;
        if (answer_status == 0)
                memcpy((void *) (uintptr_t) asked.addr, &answer, asked.data_len);
        return answer_status;
}

TestSuite(nvme_ctrl, .timeout = 10);

Test(nvme_ctrl, smart_counts_are_little_endian) {
        NvmeSmart smart;

        answer.log.power_cycles[0] = 0x34;
        answer.log.power_cycles[1] = 0x12;
        answer.log.unsafe_shutdowns[7] = 0x01;
        cr_assert(eq(int, controller_smart(3, &smart), 0));
        cr_expect(eq(u64, smart.power_cycles, 0x1234));
        cr_expect(eq(u64, smart.unsafe_shutdowns, UINT64_C(1) << 56));
        cr_expect(eq(int, asked_fd, 3));
        cr_expect(eq(u8, asked.opcode, 0x02), "Get Log Page");
        cr_expect(eq(u32, asked.nsid, 0xffffffff), "of the whole controller");
        cr_expect(eq(u32, asked.cdw10, 127 << 16 | 0x02), "SMART / Health Information, 128 dwords");
        cr_expect(eq(u32, asked.data_len, 512));
}

Test(nvme_ctrl, smart_counts_that_do_not_fit_are_the_largest) {
        NvmeSmart smart;

        answer.log.power_cycles[0] = 1;
        answer.log.power_cycles[15] = 1;
        answer.log.unsafe_shutdowns[8] = 1;
        cr_assert(eq(int, controller_smart(3, &smart), 0));
        cr_expect(eq(u64, smart.power_cycles, UINT64_MAX));
        cr_expect(eq(u64, smart.unsafe_shutdowns, UINT64_MAX));
}

Test(nvme_ctrl, smart_errors) {
        NvmeSmart smart = { 1, 2 };

        answer_status = -1;
        cr_expect(eq(int, controller_smart(3, &smart), -EIO));
        answer_status = 0x4002;
        cr_expect(eq(int, controller_smart(3, &smart), -EREMOTEIO));
        cr_expect(eq(u64, smart.power_cycles, 1), "untouched");
}

/* The offsets are those of the specification, not of libnvme's structure. */
Test(nvme_ctrl, identify_reads_serial_number_rtd3e_and_cache) {
        uint8_t *bytes = (uint8_t *) &answer.id;
        const uint32_t rtd3e = htole32(1234567);
        NvmeIdentity identity;

        memcpy(bytes + 4, "SERIAL 1            ", 20);
        memcpy(bytes + 88, &rtd3e, sizeof(rtd3e));
        bytes[525] = 0x07;
        cr_assert(eq(int, controller_identify(4, &identity), 0));
        cr_expect(eq(str, identity.serial, "SERIAL 1"));
        cr_expect(eq(u64, identity.rtd3e_usec, 1234567));
        cr_expect(identity.has_volatile_cache);
        cr_expect(eq(int, asked_fd, 4));
        cr_expect(eq(u8, asked.opcode, 0x06), "Identify");
        cr_expect(eq(u32, asked.nsid, 0));
        cr_expect(eq(u32, asked.cdw10, 0x01), "Identify Controller");
        cr_expect(eq(u32, asked.data_len, 4096));
}

Test(nvme_ctrl, identify_without_a_cache_and_with_a_full_serial_number) {
        NvmeIdentity identity;

        memset(answer.id.sn, 'x', sizeof(answer.id.sn));
        cr_assert(eq(int, controller_identify(3, &identity), 0));
        cr_expect(eq(str, identity.serial, "xxxxxxxxxxxxxxxxxxxx"));
        cr_expect(not(identity.has_volatile_cache));
}

Test(nvme_ctrl, identify_errors) {
        NvmeIdentity identity = { .rtd3e_usec = 1 };

        answer_status = -1;
        cr_expect(eq(int, controller_identify(3, &identity), -EIO));
        answer_status = 0x4002;
        cr_expect(eq(int, controller_identify(3, &identity), -EREMOTEIO));
        cr_expect(eq(u64, identity.rtd3e_usec, 1), "untouched");
}
