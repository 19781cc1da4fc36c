/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See power_check.h. */

#include "report/power_check.h"

#include <fcntl.h>

#include "base/ask_each.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "report/drive_power.h"

#define CLASS "sys/class/nvme"

static void read_text(int root_fd, const char *dir, const char *name, char *buffer, size_t size) {
        _cleanup_free_ char *value = NULL;

        *buffer = '\0';
        if (file_read_at(root_fd, dir, name, &value) < 0)
                return;
        text_clean_attribute(value);
        (void) snprintf(buffer, size, "%s", value);
}

/* The PCIe drives of this machine; those behind a network have their power elsewhere. */
typedef struct Drives {
        int root_fd;
        Entry *entries; /* each with the drive's names */
        size_t n;
} Drives;

/* In shared memory: what a drive's process found out. */
typedef struct Answer {
        int result; /* 1, or -errno; 0: no answer in time */
        NvmeSmart smart;
} Answer;

static int add_drive(Drives *drives, const char *name) {
        char dir[sizeof(CLASS) + NAME_MAX + 1], transport[16];
        Entry entry = {}, *larger;

        (void) snprintf(dir, sizeof(dir), CLASS "/%s", name);
        read_text(drives->root_fd, dir, "transport", transport, sizeof(transport));
        read_text(drives->root_fd, dir, "serial", entry.serial, sizeof(entry.serial));
        read_text(drives->root_fd, dir, "address", entry.address, sizeof(entry.address));
        read_text(drives->root_fd, dir, "model", entry.model, sizeof(entry.model));
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

static void ask(void *userdata, size_t i, void *memory) {
        const Drives *drives = userdata;
        char path[sizeof("dev/") + NAME_MAX];
        _cleanup_close_ int fd = -1;
        Answer *answer = memory;
        int r;

        (void) snprintf(path, sizeof(path), "dev/%s", drives->entries[i].name);
        fd = openat(drives->root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        r = fd < 0 ? -errno : controller_smart(fd, &answer->smart);
        answer->result = r < 0 ? r : 1;
}

static void tell(Entry *entry, const NvmeSmart *before, const NvmeSmart *now) {
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
                log_warning("/dev/%s: its SMART log could not be read, ignoring: %s", entry->name,
                            strerror(answer->result < 0 ? -answer->result : ETIMEDOUT));
                return 0;
        }
        before = drive_power_find(old, entry->serial);
        verdict = power_judge(before, &answer->smart);
        verdicts[verdict]++;
        memcpy(entry->boot_id, old->boot_id, sizeof(entry->boot_id));
        entry->kind = verdict == POWER_UNSAFE ? ENTRY_POWER_UNSAFE : ENTRY_POWER_CLEAN;
        if (verdict == POWER_UNSAFE || verdict == POWER_CLEAN)
                tell(entry, before, &answer->smart);
        return drive_power_set(new, entry->serial, &answer->smart);
}

static int check_drives(const Drives *drives, const Answer *answers, const DrivePower *old,
                        DrivePower *new, size_t *ret_n) {
        unsigned verdicts[_POWER_VERDICT_MAX] = {};
        Entry kept = { .kind = ENTRY_POWER_KEPT };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < drives->n; i++)
                r = check_drive(&drives->entries[i], &answers[i], old, new, verdicts);
        *ret_n = 0;
        for (size_t i = 0; i < _POWER_VERDICT_MAX; i++)
                *ret_n += verdicts[i];
        kept.n_drives = verdicts[POWER_KEPT];
        memcpy(kept.boot_id, old->boot_id, sizeof(kept.boot_id));
        if (kept.n_drives > 0)
                entry_log(&kept);
        return r;
}

static int ask_drives(int root_fd, usec_t timeout_usec, const DrivePower *old, DrivePower *new,
                      size_t *ret_n) {
        Drives drives = { .root_fd = root_fd };
        void *answers = NULL;
        int r;

        r = list_drives(&drives);
        if (r >= 0)
                r = ask_each(drives.n, sizeof(Answer), timeout_usec, ask, &drives, &answers);
        if (r >= 0)
                r = check_drives(&drives, answers, old, new, ret_n);
        ask_each_free(answers, drives.n, sizeof(Answer));
        free(drives.entries);
        return r;
}

int power_check(int root_fd, const char *boot_id, usec_t timeout_usec, size_t *ret_n_drives) {
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
                r = ask_drives(root_fd, timeout_usec, &old, &new, &n);
                (void) snprintf(new.boot_id, sizeof(new.boot_id), "%s", boot_id);
                if (r >= 0)
                        r = drive_power_write(root_fd, &new);
        }
        drive_power_done(&old);
        drive_power_done(&new);
        *ret_n_drives = n;
        return r < 0 ? r : 0;
}
