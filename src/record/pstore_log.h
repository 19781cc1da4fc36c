/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether the kernel keeps its log beyond this boot (pstore), and how to make it. */
#pragma once

#include "config/config.h"

typedef enum PstoreLog {
        PSTORE_LOG_KEPT,       /* it is, or will be once it is asked to */
        PSTORE_LOG_OFF,        /* PersistLog=no */
        PSTORE_LOG_NO_BACKEND, /* the platform has no place for it, or its driver is not loaded */
        PSTORE_LOG_WEARS,      /* only in EFI variables, which PersistLog=auto does not use */
        PSTORE_LOG_RAMOOPS,    /* ramoops, whose max_reason leaves shutdowns out */
        PSTORE_LOG_KEXEC,      /* the kernel dumps nothing on its way into another kernel */
        PSTORE_LOG_OLD_KERNEL, /* no parameter always_kmsg_dump: Linux before 2.6.37 */
        _PSTORE_LOG_MAX,
        _PSTORE_LOG_INVALID = -EINVAL,
} PstoreLog;

/* Why it is not kept, and the way out: "there is no pstore back end (...)". */
const char *pstore_log_to_string(PstoreLog state);

/* Reads pstore.backend and its like below root_fd; changes nothing. */
PstoreLog pstore_log_judge(int root_fd, PersistLog mode, Action action);

/* Makes the kernel keep its log when it goes down from here on: printk.always_kmsg_dump=Y
 * (kernel/printk/printk.c, kmsg_dump()). That is never put back: it is only asked for when nothing
 * is left to run that would notice. Returns a PstoreLog, or -errno of the write. */
int pstore_log_keep(int root_fd, PersistLog mode, Action action);
