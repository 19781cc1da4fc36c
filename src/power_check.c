/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One drive after the other; see power_check.h. */

#include "power_check.h"

#include <fcntl.h>

#include "drive_power.h"
#include "fs.h"
#include "log.h"
#include "sysfs.h"
#include "text.h"

#define CLASS "sys/class/nvme"

static void read_text(int root_fd, const char *dir, const char *name, char *buffer, size_t size) {
        _cleanup_free_ char *value = NULL;

        *buffer = '\0';
        if (sysfs_read_at(root_fd, dir, name, &value) < 0)
                return;
        text_clean_attribute(value);
        (void) snprintf(buffer, size, "%s", value);
}

/* Whether it is a drive of ours that answers. Those behind a network have their power elsewhere. */
static bool ask_drive(int root_fd, const char *name, Entry *entry, NvmeSmart *ret_smart) {
        char dir[sizeof(CLASS) + NAME_MAX + 1], path[sizeof("dev/") + NAME_MAX], transport[16];
        _cleanup_close_ int fd = -1;
        int r;

        (void) snprintf(dir, sizeof(dir), CLASS "/%s", name);
        read_text(root_fd, dir, "transport", transport, sizeof(transport));
        read_text(root_fd, dir, "serial", entry->serial, sizeof(entry->serial));
        read_text(root_fd, dir, "address", entry->address, sizeof(entry->address));
        read_text(root_fd, dir, "model", entry->model, sizeof(entry->model));
        (void) snprintf(entry->name, sizeof(entry->name), "%s", name);
        if (!STREQ(transport, "pcie") || !*entry->serial)
                return false;
        (void) snprintf(path, sizeof(path), "dev/%s", name);
        fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        r = fd < 0 ? -errno : controller_smart(fd, ret_smart);
        if (r < 0)
                log_warning("/dev/%s: its SMART log could not be read, ignoring: %s", name,
                            strerror(-r));
        return r >= 0;
}

static void tell(Entry *entry, const NvmeSmart *before, const NvmeSmart *now) {
        entry->power_cycles = now->power_cycles;
        entry->new_power_cycles = now->power_cycles - before->power_cycles;
        entry->unsafe_shutdowns = now->unsafe_shutdowns;
        entry->new_unsafe_shutdowns = now->unsafe_shutdowns - before->unsafe_shutdowns;
        entry_log(entry);
}

static int check_drive(int root_fd, const char *name, const DrivePower *old, DrivePower *new,
                       unsigned verdicts[_POWER_VERDICT_MAX]) {
        Entry entry = {};
        const NvmeSmart *before;
        NvmeSmart now = {};
        PowerVerdict verdict;

        if (!ask_drive(root_fd, name, &entry, &now))
                return 0;
        before = drive_power_find(old, entry.serial);
        verdict = power_judge(before, &now);
        verdicts[verdict]++;
        memcpy(entry.boot_id, old->boot_id, sizeof(entry.boot_id));
        entry.kind = verdict == POWER_UNSAFE ? ENTRY_POWER_UNSAFE : ENTRY_POWER_CLEAN;
        if (verdict == POWER_UNSAFE || verdict == POWER_CLEAN)
                tell(&entry, before, &now);
        return drive_power_set(new, entry.serial, &now);
}

static int check_drives(int root_fd, const DrivePower *old, DrivePower *new, size_t *ret_n) {
        unsigned verdicts[_POWER_VERDICT_MAX] = {};
        Entry kept = { .kind = ENTRY_POWER_KEPT };
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r, error;

        *ret_n = 0;
        r = fs_opendir(root_fd, CLASS, &dir);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        while (r >= 0 && (name = fs_readdir(dir, &error)))
                r = check_drive(root_fd, name, old, new, verdicts);
        for (size_t i = 0; i < _POWER_VERDICT_MAX; i++)
                *ret_n += verdicts[i];
        kept.n_drives = verdicts[POWER_KEPT];
        memcpy(kept.boot_id, old->boot_id, sizeof(kept.boot_id));
        if (kept.n_drives > 0)
                entry_log(&kept);
        return r;
}

int power_check(int root_fd, const char *boot_id, size_t *ret_n_drives) {
        DrivePower old = DRIVE_POWER_INIT, new = DRIVE_POWER_INIT;
        size_t n = 0;
        int r;

        r = drive_power_read(root_fd, &old);
        if (r == -EBADMSG)
                log_warning("What the drives counted at the last boot could not be read, ignoring: "
                            "beginning anew.");
        else if (r < 0)
                return r;
        r = STREQ(old.boot_id, boot_id) ? 1 : drive_power_read(root_fd, &new);
        if (r <= 0) {
                r = check_drives(root_fd, &old, &new, &n);
                (void) snprintf(new.boot_id, sizeof(new.boot_id), "%s", boot_id);
                if (r >= 0)
                        r = drive_power_write(root_fd, &new);
        }
        drive_power_done(&old);
        drive_power_done(&new);
        *ret_n_drives = n;
        return r < 0 ? r : 0;
}
