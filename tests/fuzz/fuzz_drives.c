/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /var/lib/nvme-async-shutdown/drives: what the drives counted at the last boot. */

#include "fake_root.h"
#include "fuzz.h"
#include "report/drive_power.h"

#define DRIVES "var/lib/nvme-async-shutdown/drives"

/* Whatever was understood is still known after the next boot has written it again. */
static void require_round_trip(const DrivePower *power) {
        DrivePower other = DRIVE_POWER_INIT;

        fake_root_write(DRIVES, "");
        REQUIRE(drive_power_write(root_fd, power) == 0);
        REQUIRE(drive_power_read(root_fd, &other) == 0);
        REQUIRE(STREQ(other.boot_id, power->boot_id) && other.n_drives == power->n_drives);
        for (size_t i = 0; i < power->n_drives; i++) {
                const NvmeSmart *smart = drive_power_find(&other, power->drives[i].serial);

                REQUIRE(smart && smart->power_cycles == power->drives[i].smart.power_cycles &&
                        smart->unsafe_shutdowns == power->drives[i].smart.unsafe_shutdowns);
        }
        drive_power_done(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        DrivePower power = DRIVE_POWER_INIT;

        fuzz_root();
        fake_root_write_binary(DRIVES, data, size);
        if (drive_power_read(root_fd, &power) >= 0)
                require_round_trip(&power);
        else
                REQUIRE(power.n_drives == 0 && !*power.boot_id);
        drive_power_done(&power);
        return 0;
}
