/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libnvme.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "nvme_ctrl.h"

static struct nvme_smart_log answer;
static int answer_status; /* what ioctl() returns, with errno EIO below 0 */
static __u32 asked_nsid, asked_log;

/* In place of libc's, for libnvme as well: the controller of this test. */
int ioctl(int fd, unsigned long request, ...) {
        struct nvme_passthru_cmd *command;
        va_list args;

        va_start(args, request);
        command = va_arg(args, struct nvme_passthru_cmd *);
        va_end(args);
        if (answer_status < 0)
                errno = EIO;
        if (answer_status == 0) {
                asked_nsid = command->nsid;
                asked_log = command->cdw10 & 0xff;
                memcpy((void *) (uintptr_t) command->addr, &answer, sizeof(answer));
        }
        return answer_status;
}

TestSuite(nvme_ctrl, .timeout = 10);

Test(nvme_ctrl, smart_counts_are_little_endian) {
        NvmeSmart smart;

        answer.power_cycles[0] = 0x34;
        answer.power_cycles[1] = 0x12;
        answer.unsafe_shutdowns[7] = 0x01;
        cr_assert(eq(int, controller_smart(3, &smart), 0));
        cr_expect(eq(u64, smart.power_cycles, 0x1234));
        cr_expect(eq(u64, smart.unsafe_shutdowns, UINT64_C(1) << 56));
        cr_expect(eq(u32, asked_nsid, 0xffffffff), "of the whole controller");
        cr_expect(eq(u32, asked_log, 0x02), "SMART / Health Information");
}

Test(nvme_ctrl, smart_counts_that_do_not_fit_are_the_largest) {
        NvmeSmart smart;

        answer.power_cycles[0] = 1;
        answer.power_cycles[15] = 1;
        answer.unsafe_shutdowns[8] = 1;
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
