/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Did every drive go down cleanly? Compares what the drives count with what they counted at the
 * last boot. Only a loss of power shows it: a drive counts an unsafe shutdown when its power goes
 * before its handshake was complete (NVMe base 2.0, 5.16.1.3, Unsafe Shutdowns). */
#pragma once

#include "record/entry.h"
#include "waves/nvme_ctrl.h"

typedef struct DriveCounts {
        char serial[sizeof(((Entry *) NULL)->serial)];
        NvmeSmart smart;
} DriveCounts;

/* What /var/lib/nvme-async-shutdown/drives keeps. */
typedef struct DrivePower {
        char boot_id[BOOT_ID_MAX]; /* the boot in which it was written; "" before the first one */
        DriveCounts *drives;
        size_t n_drives;
} DrivePower;

#define DRIVE_POWER_INIT ((DrivePower){})

typedef enum PowerVerdict {
        POWER_UNKNOWN, /* seen for the first time, or its counters went backwards */
        POWER_KEPT,    /* no power cycle in between, so nothing is proven */
        POWER_CLEAN,
        POWER_UNSAFE,
        _POWER_VERDICT_MAX,
} PowerVerdict;

/* before: NULL where nothing is known. */
PowerVerdict power_judge(const NvmeSmart *before, const NvmeSmart *now);

/* No file is nothing known; a damaged one is as well, and -EBADMSG. 0 or -errno; *ret is usable
 * either way. */
int drive_power_read(int root_fd, DrivePower *ret) _must_check_;
int drive_power_write(int root_fd, const DrivePower *power) _must_check_;
void drive_power_done(DrivePower *power);

/* NULL where nothing is known. */
const NvmeSmart *drive_power_find(const DrivePower *power, const char *serial);

/* Takes over what the drive counts now; others stay as they are. 0 or -ENOMEM. */
int drive_power_set(DrivePower *power, const char *serial, const NvmeSmart *smart) _must_check_;
