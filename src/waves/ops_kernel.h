/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real thing: one worker process per running step. */
#pragma once

#include "waves/ops.h"

/* The vtable whose context is an OpsKernel. */
extern const ShutdownOps ops_kernel;

typedef struct OpsKernel OpsKernel;

/* topology is referred to until ops_kernel_free(). is_live: the machine is not going down; see
 * worker_run(). root_fd: see file.h. SIGTERM and SIGINT
 * are blocked from here on and end ops->wait(); RLIMIT_NOFILE is raised to its hard limit. argv0
 * (may be NULL) is the first byte of our command line: workers set it to '@', by which
 * systemd-shutdown spares them (ROOT_STORAGE_DAEMONS): a worker that is late holds its controller's
 * device lock until the drive is done, and the kernel's pass has to wait for just that; killed, it
 * would leave a handshake that no process waits for. Returns 0 or -errno. */
int ops_kernel_new(int root_fd, const Topology *topology, bool is_live, char *argv0,
                   OpsKernel **ret) _must_check_;

/* Whether SIGTERM or SIGINT has come. */
bool ops_kernel_is_told_to_stop(const OpsKernel *ops);

/* Waits, at the longest until deadline, for the end of a worker that was abandoned. 1: *ret_result
 * is what it came to; 0: it still runs; -errno: that can't be found out. */
int ops_kernel_join(OpsKernel *ops, size_t device, usec_t deadline,
                    StepResult *ret_result) _must_check_;

/* Lets go of workers that still run. Returns NULL. */
OpsKernel *ops_kernel_free(OpsKernel *ops);
