/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See power_check.h. */

#include "report/power_check.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/log.h"
#include "base/timed_call.h"
#include "report/drive_power.h"

#define CLASS "sys/class/nvme"

/* A child's answer, in memory that it shares with us. */
typedef struct Answer {
        int result; /* 1, or -errno; 0: no answer in time */
        NvmeSmart smart;
} Answer;

/* The PCIe drives of this machine. A drive on a network has a power supply of its own. */
typedef struct Drives {
        int root_fd;
        Entry *entries; /* each with the drive's name, address, serial number and model */
        size_t n;
        Answer *answers; /* shared with the children */
} Drives;

static int add_drive(Drives *drives, const char *name) {
        char dir[sizeof(CLASS) + NAME_MAX + 1], transport[16];
        _cleanup_close_ int dir_fd = -1;
        Entry entry = {}, *larger;

        (void) snprintf(dir, sizeof(dir), CLASS "/%s", name);
        dir_fd = openat(drives->root_fd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0) /* it has vanished */
                return 0;
        (void) file_read_printable(dir_fd, "transport", transport, sizeof(transport));
        (void) file_read_printable(dir_fd, "serial", entry.serial, sizeof(entry.serial));
        (void) file_read_printable(dir_fd, "address", entry.address, sizeof(entry.address));
        (void) file_read_printable(dir_fd, "model", entry.model, sizeof(entry.model));
        (void) snprintf(entry.name, sizeof(entry.name), "%s", name);
        if (!STREQ(transport, "pcie") || !*entry.serial)
                return 0;
        larger = reallocarray(drives->entries, drives->n + 1, sizeof(Entry));
        if (!larger)
                return -ENOMEM;
        drives->entries = larger;
        larger[drives->n++] = entry;
        return 0;
}

static int list_drives(Drives *drives) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        r = file_opendir(drives->root_fd, CLASS, &dir);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        while ((name = file_readdir(dir, &r))) {
                r = add_drive(drives, name);
                if (r < 0)
                        return r;
        }
        return r;
}

static void ask_drive(void *userdata, size_t i) {
        const Drives *drives = userdata;
        char path[sizeof("dev/") + NAME_MAX];
        Answer *answer = &drives->answers[i];
        _cleanup_close_ int fd = -1;
        int r;

        (void) snprintf(path, sizeof(path), "dev/%s", drives->entries[i].name);
        fd = openat(drives->root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        r = fd < 0 ? -errno : controller_smart(fd, &answer->smart);
        answer->result = r < 0 ? r : 1;
}

static void log_verdict(Entry *entry, const NvmeSmart *before, const NvmeSmart *now) {
        entry->power_cycles = now->power_cycles;
        entry->new_power_cycles = now->power_cycles - before->power_cycles;
        entry->unsafe_shutdowns = now->unsafe_shutdowns;
        entry->new_unsafe_shutdowns = now->unsafe_shutdowns - before->unsafe_shutdowns;
        entry_log(entry);
}

static int check_drive(Entry *entry, const Answer *answer, const DrivePower *old, DrivePower *new,
                       unsigned verdicts[_POWER_VERDICT_MAX]) {
        const NvmeSmart *before;
        PowerVerdict verdict;

        if (answer->result <= 0) {
                log_warning("/dev/%s: could not read its SMART log, ignoring: %s", entry->name,
                            strerror(answer->result < 0 ? -answer->result : ETIMEDOUT));
                return 0;
        }
        before = drive_power_find(old, entry->serial);
        verdict = power_judge(before, &answer->smart);
        verdicts[verdict]++;
        memcpy(entry->boot_id, old->boot_id, sizeof(entry->boot_id));
        entry->kind = verdict == POWER_UNSAFE ? ENTRY_POWER_UNSAFE : ENTRY_POWER_CLEAN;
        if (verdict == POWER_UNSAFE || verdict == POWER_CLEAN)
                log_verdict(entry, before, &answer->smart);
        return drive_power_set(new, entry->serial, &answer->smart);
}

static int check_drives(const Drives *drives, const DrivePower *old, DrivePower *new,
                        size_t *ret_n) {
        unsigned verdicts[_POWER_VERDICT_MAX] = {};
        Entry kept = { .kind = ENTRY_POWER_KEPT };
        size_t n = 0;
        int r;

        for (size_t i = 0; i < drives->n; i++) {
                r = check_drive(&drives->entries[i], &drives->answers[i], old, new, verdicts);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < _POWER_VERDICT_MAX; i++)
                n += verdicts[i];
        kept.n_drives = verdicts[POWER_KEPT];
        memcpy(kept.boot_id, old->boot_id, sizeof(kept.boot_id));
        if (kept.n_drives > 0)
                entry_log(&kept);
        *ret_n = n;
        return 0;
}

static void drives_done(Drives *drives) {
        free(drives->entries);
        timed_call_free(drives->answers, drives->n * sizeof(Answer));
}

static int ask_drives(int root_fd, usec_t timeout_usec, const DrivePower *old, DrivePower *new,
                      size_t *ret_n) {
        _cleanup_(drives_done) Drives drives = { .root_fd = root_fd };
        int r;

        r = list_drives(&drives);
        if (r < 0)
                return r;
        drives.answers = timed_call_allocate(drives.n * sizeof(Answer));
        if (!drives.answers)
                return -ENOMEM;
        (void) timed_call_each(ask_drive, &drives, drives.n, timeout_usec);
        return check_drives(&drives, old, new, ret_n);
}

int power_check(int root_fd, const char *boot_id, usec_t timeout_usec, size_t *ret_n_drives) {
        _cleanup_drive_power_ DrivePower old = DRIVE_POWER_INIT, new = DRIVE_POWER_INIT;
        int r;

        r = drive_power_read(root_fd, &old);
        if (r == -EBADMSG)
                log_warning("The drives' counters of the last boot are damaged, ignoring: starting "
                            "over.");
        else if (r < 0)
                return r;
        *ret_n_drives = 0;
        if (STREQ(old.boot_id, boot_id))
                return 0;
        /* Drives that don't answer keep their old counters. */
        r = drive_power_read(root_fd, &new);
        if (r < 0 && r != -EBADMSG)
                return r;
        r = ask_drives(root_fd, timeout_usec, &old, &new, ret_n_drives);
        if (r < 0)
                return r;
        (void) snprintf(new.boot_id, sizeof(new.boot_id), "%s", boot_id);
        return drive_power_write(root_fd, &new);
}
