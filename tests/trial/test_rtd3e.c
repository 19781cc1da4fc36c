/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "fake_root.h"
#include "topology_builder.h"
#include "trial/rtd3e.h"
#include "waves/nvme_ctrl.h"

/* In place of nvme_ctrl.c's: dev/nvme0 holds its serial number, as long as Identify has it. The
 * answer of a drive is read in tests/vm. */
int controller_identify(int fd, NvmeIdentity *ret) {
        NvmeIdentity identity = { .rtd3e_usec = 3 * USEC_PER_SEC };

        if (read(fd, identity.serial, 20) != 20)
                return -EREMOTEIO;
        *ret = identity;
        return 0;
}

/* What sysfs says and what Identify says are padded in different ways. */
Test(rtd3e, knows_a_drive_without_the_blanks_around_its_serial_number, .timeout = 20) {
        Topology topology = TOPOLOGY_INIT;

        fake_root_start();
        fake_root_write("dev/nvme0", "            S-nvme0 ");
        fake_root_write("dev/nvme1", "            S-other ");
        (void) build_nvme(&topology, "nvme0", "0000:00:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:01:00.0", NULL);
        cr_expect(eq(int, rtd3e_read(root_fd, 2 * USEC_PER_SEC, &topology), 1));
        cr_expect(eq(u64, topology.devices[0].controller->rtd3e_usec, 3 * USEC_PER_SEC));
        cr_expect(eq(u64, topology.devices[1].controller->rtd3e_usec, 0));
        topology_done(&topology);
        fake_root_done();
}

Test(rtd3e, does_not_wait_beyond_the_timeout, .timeout = 20) {
        Topology topology = TOPOLOGY_INIT;
        usec_t before = usec_now();
        fake_root_start();

        fake_root_write("dev/nvme0", "no drive");
        /* Opening a pipe without a writer blocks forever, like a dead controller. */
        cr_assert(eq(int, mkfifo(fake_root_path("dev/nvme1"), 0600), 0));
        for (unsigned i = 0; i < 100; i++) {
                char name[16], address[32];

                (void) snprintf(name, sizeof(name), "nvme%u", i);
                (void) snprintf(address, sizeof(address), "0000:%02x:00.0", i);
                (void) build_nvme(&topology, name, address, NULL);
        }
        cr_expect(eq(int, rtd3e_read(root_fd, 300 * USEC_PER_MSEC, &topology), 100));
        cr_expect(ge(u64, usec_now() - before, 300 * USEC_PER_MSEC));
        cr_expect(lt(u64, usec_now() - before, 10 * USEC_PER_SEC));
        for (size_t i = 0; i < topology.n_devices; i++)
                cr_expect(eq(u64, topology.devices[i].controller->rtd3e_usec, 0));
        /* No child that can be ended is left. */
        while (waitpid(-1, NULL, 0) > 0)
                ;
        topology_done(&topology);
        fake_root_done();
}
