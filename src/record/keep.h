/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the lines that are logged now survive the reboot, and how to make the kernel keep them:
 * journald's storage, and the kernel log in pstore. */
#pragma once

#include "config/config.h"

/* Whether entries that are logged to the journal now are lost at the shutdown:
 *   there is no /var/log/journal;
 *   or journald writes to /run/log/journal nevertheless (Storage=volatile; a separate /var that has
 *   been unmounted). journald removes the files there when it switches to /var/log/journal
 *   (server_flush_to_var() in journald-server.c).
 * Without a machine ID only the first is checked. */
bool is_journal_volatile(int root_fd);

typedef enum PstoreLog {
        PSTORE_LOG_KEPT,       /* the kernel keeps its log, or will once pstore_log_keep() asks */
        PSTORE_LOG_OFF,        /* PersistLog=no */
        PSTORE_LOG_NO_BACKEND, /* the platform has no storage for it, or the driver is not loaded */
        PSTORE_LOG_WEARS,      /* only EFI variables, which PersistLog=auto does not use */
        PSTORE_LOG_RAMOOPS,    /* ramoops, and its max_reason excludes shutdowns */
        PSTORE_LOG_KEXEC,      /* the kernel dumps nothing on its way into another kernel */
        PSTORE_LOG_OLD_KERNEL, /* no parameter always_kmsg_dump: Linux before 2.6.37 */
        _PSTORE_LOG_MAX,
        _PSTORE_LOG_INVALID = -EINVAL,
} PstoreLog;

/* Why the kernel does not keep its log, and the way out, as the end of a sentence: "no pstore back
 * end (...)". NULL for an unknown state. */
const char *pstore_log_to_string(PstoreLog state);

/* Reads pstore.backend, ramoops.max_reason and printk.always_kmsg_dump below root_fd. Changes
 * nothing. */
PstoreLog pstore_log_judge(int root_fd, PersistLog mode, Action action);

/* Sets printk.always_kmsg_dump=Y if pstore_log_judge() says PSTORE_LOG_KEPT: the kernel then keeps
 * its log when it goes down (kmsg_dump() in kernel/printk/printk.c). The parameter is never
 * restored: call this only when the machine is certain to go down.
 * Returns a PstoreLog, or -errno of the write. */
int pstore_log_keep(int root_fd, PersistLog mode, Action action);
