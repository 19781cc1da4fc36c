/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journald's files and the kernel's parameters; see keep.h. */

#include "record/keep.h"

#include <fcntl.h>
#include <limits.h>

#include "base/file.h"
#include "base/names.h"

#define BACKEND "sys/module/pstore/parameters/backend"
#define RAMOOPS_MAX_REASON "sys/module/ramoops/parameters/max_reason"
#define ALWAYS "sys/module/printk/parameters/always_kmsg_dump"
/* enum kmsg_dump_reason (include/linux/kmsg_dump.h) since 5.8 */
#define KMSG_DUMP_SHUTDOWN 4

bool is_journal_volatile(int root_fd) {
        _cleanup_free_ char *machine_id = NULL;
        char path[PATH_MAX];

        if (faccessat(root_fd, "var/log/journal", F_OK, 0) < 0)
                return true;
        if (file_read(root_fd, "etc/machine-id", &machine_id) < 0)
                return false;
        (void) snprintf(path, sizeof(path), "run/log/journal/%.64s/system.journal", machine_id);
        return faccessat(root_fd, path, F_OK, 0) == 0;
}

static const char *const state_table[_PSTORE_LOG_MAX] = {
        [PSTORE_LOG_KEPT] = "the kernel keeps its log",
        [PSTORE_LOG_OFF] = "PersistLog=no",
        [PSTORE_LOG_NO_BACKEND] = "no pstore back end (ACPI ERST, EFI variables or ramoops)",
        /* the parentheses tell clang-tidy that no comma is missing */
        [PSTORE_LOG_WEARS] = ("pstore has only EFI variables, which wear out: "
                              "PersistLog=pstore in nvme-async-shutdown.conf uses them anyway"),
        [PSTORE_LOG_RAMOOPS] =
                "ramoops skips shutdowns: add ramoops.max_reason=5 to the kernel command line",
        [PSTORE_LOG_KEXEC] = "the kernel does not keep its log across kexec",
        [PSTORE_LOG_OLD_KERNEL] = "this kernel has no printk.always_kmsg_dump",
};

const char *pstore_log_to_string(PstoreLog state) {
        return NAME_OF(state_table, state);
}

static bool ramoops_takes_shutdowns(int root_fd) {
        _cleanup_free_ char *value = NULL;

        return file_read(root_fd, RAMOOPS_MAX_REASON, &value) >= 0 &&
               strtol(value, NULL, 10) >= KMSG_DUMP_SHUTDOWN;
}

PstoreLog pstore_log_judge(int root_fd, PersistLog mode, Action action) {
        _cleanup_free_ char *backend = NULL;

        if (mode == PERSIST_LOG_NO)
                return PSTORE_LOG_OFF;
        if (action == ACTION_KEXEC)
                return PSTORE_LOG_KEXEC;
        /* The kernel prints a string parameter that is not set as "(null)". */
        if (file_read(root_fd, BACKEND, &backend) < 0 || !*backend || STREQ(backend, "(null)"))
                return PSTORE_LOG_NO_BACKEND;
        /* ramoops has a max_reason of its own, which always_kmsg_dump does not override. */
        if (STREQ(backend, "ramoops"))
                return ramoops_takes_shutdowns(root_fd) ? PSTORE_LOG_KEPT : PSTORE_LOG_RAMOOPS;
        if (mode == PERSIST_LOG_AUTO && STARTSWITH(backend, "efi"))
                return PSTORE_LOG_WEARS;
        return faccessat(root_fd, ALWAYS, F_OK, 0) < 0 ? PSTORE_LOG_OLD_KERNEL : PSTORE_LOG_KEPT;
}

int pstore_log_keep(int root_fd, PersistLog mode, Action action) {
        PstoreLog state = pstore_log_judge(root_fd, mode, action);
        int r;

        if (state != PSTORE_LOG_KEPT)
                return (int) state;
        r = file_write(root_fd, ALWAYS, "Y");
        if (r < 0 && r != -ENOENT) /* ramoops keeps the log without the parameter */
                return r;
        return (int) state;
}
