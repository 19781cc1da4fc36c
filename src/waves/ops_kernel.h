/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real ShutdownOps: one worker process for each running step. */
#pragma once

#include "waves/ops.h"

/* The vtable whose context is an OpsKernel. */
extern const ShutdownOps ops_kernel;

typedef struct OpsKernel OpsKernel;

typedef struct OpsKernelOptions {
        bool is_live; /* the machine is not going down; see worker_run() */
        /* The first byte of our command line, or NULL. Workers set it to '@', so that systemd-shutdown
         * does not kill them (ROOT_STORAGE_DAEMONS). A worker that outlives the stage holds its
         * controller's device lock until the drive is done, which the kernel's pass has to wait for;
         * if it were killed, no process would be left to wait for the handshake. */
        char *argv0;
        bool reports_begin; /* ops->wait() returns OPS_WAIT_BEGUN */
        /* An abandoned worker calls this when it ends, in its own process. is_last: all abandoned
         * workers have ended; see ops_kernel_orphan_result(). May be NULL. */
        void (*orphan_ended)(void *userdata, OpsKernel *ops, size_t device, bool is_last);
        void *userdata;
} OpsKernelOptions;

/* From here on
 *   SIGTERM and SIGINT are blocked, and end ops->wait(),
 *   RLIMIT_NOFILE is at its hard limit.
 *
 * root_fd   see file.h; has to stay open until ops_kernel_free()
 * topology  has to stay until ops_kernel_free()
 *
 * Returns 0 or -errno. */
int ops_kernel_new(int root_fd, const Topology *topology, const OpsKernelOptions *options,
                   OpsKernel **ret) _must_check_;

/* Lets go of workers that still run. Accepts and returns NULL. */
OpsKernel *ops_kernel_free(OpsKernel *ops);

static inline void ops_kernel_freep(OpsKernel **ops) {
        *ops = ops_kernel_free(*ops);
}

#define _cleanup_ops_kernel_ _cleanup_(ops_kernel_freep)

/* Whether SIGTERM or SIGINT has arrived. */
bool ops_kernel_is_told_to_stop(const OpsKernel *ops);

/* Blocks until an abandoned worker has ended or the deadline passes. Returns
 *   1       *ret_result is the worker's final result,
 *   0       the worker still runs,
 *   -errno  it was not possible to wait (-ESRCH: no such worker was started). */
int ops_kernel_join(OpsKernel *ops, size_t device, usec_t deadline,
                    StepResult *ret_result) _must_check_;

/* The parent calls this once it will abandon no further worker: until then orphan_ended() is never told
 * is_last. Returns whether there were abandoned workers and all of them have ended already: then no
 * worker is told is_last, and the parent has to do what that one would have done. */
bool ops_kernel_leave_orphans(OpsKernel *ops) _must_check_;

/* How an abandoned worker has ended, for any of them once orphan_ended() has been told is_last, and
 * before that for the calling worker itself. NULL: this device has no abandoned worker. */
const StepResult *ops_kernel_orphan_result(const OpsKernel *ops, size_t device);
