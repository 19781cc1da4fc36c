/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Judges whether each drive went down cleanly, by comparing its SMART counters with those of the
 * last boot. A drive counts an unsafe shutdown when its power is removed before its shutdown
 * handshake is complete (NVMe base 2.0, 5.16.1.3, Unsafe Shutdowns), so only a loss of power proves
 * anything. */
#pragma once

#include "record/entry.h"
#include "waves/nvme_ctrl.h"

typedef struct DriveCounts {
        char serial[sizeof(((Entry *) NULL)->serial)];
        NvmeSmart smart;
} DriveCounts;

/* The contents of /var/lib/nvme-async-shutdown/drives. */
typedef struct DrivePower {
        char boot_id[BOOT_ID_MAX]; /* the boot in which it was written; "": not written yet */
        DriveCounts *drives;
        size_t n_drives;
} DrivePower;

#define DRIVE_POWER_INIT ((DrivePower){})

typedef enum PowerVerdict {
        POWER_UNKNOWN, /* the drive is new, or a counter decreased */
        POWER_KEPT,    /* no power cycle since the last boot, so nothing is proven */
        POWER_CLEAN,   /* a power cycle, and the unsafe-shutdown counter did not increase */
        POWER_UNSAFE,  /* the unsafe-shutdown counter increased */
        _POWER_VERDICT_MAX,
} PowerVerdict;

/* before: NULL if the drive is new. */
PowerVerdict power_judge(const NvmeSmart *before, const NvmeSmart *now);

/* Reads the file; without one *ret is empty. Returns 0, -EBADMSG if it is damaged, or another
 * -errno; *ret is valid in any case, and empty after an error. */
int drive_power_read(int root_fd, DrivePower *ret) _must_check_;

/* Replaces the file as a whole. Returns 0 or -errno. */
int drive_power_write(int root_fd, const DrivePower *power) _must_check_;
void drive_power_done(DrivePower *power);

#define _cleanup_drive_power_ _cleanup_(drive_power_done)

/* Returns the counters of the drive, or NULL if it is not in the file. */
const NvmeSmart *drive_power_find(const DrivePower *power, const char *serial);

/* Sets the counters of one drive. Returns 0 or -ENOMEM. */
int drive_power_set(DrivePower *power, const char *serial, const NvmeSmart *smart) _must_check_;
