/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seam between the executor and the work: ops_kernel forks real workers, ops_virtual plays a
 * script on a clock of its own. */
#pragma once

#include "model/result.h"
#include "plan/plan.h"

typedef enum OpsWait {
        OPS_WAIT_DONE = 1,    /* a step ended: *ret_step and *ret_result are set */
        OPS_WAIT_TIMEOUT = 2, /* the deadline passed first */
        OPS_WAIT_SIGNAL = 3,  /* SIGTERM or SIGINT told us to stop */
        OPS_WAIT_BEGUN = 4,   /* a step has entered its handshake, from which nothing turns it back:
                                 *ret_step is set. Never, unless this was asked for */
} OpsWait;

typedef struct ShutdownOps {
        /* The clock that deadlines refer to, in microseconds. */
        usec_t (*now)(void *context);

        /* Starts the step of that device. Never blocks. Returns
         *   0                                   it runs,
         *   -EAGAIN, -ENOMEM, -EMFILE, -ENFILE  nothing was started; worth another try when some
         *                                       other step has ended,
         *   any other -errno                    nothing was started, another try is of no use. */
        int (*start)(void *context, size_t step, StepAction action);

        /* Blocks until a step ends or enters its handshake, a signal arrives, or the deadline passes.
         * Returns an OpsWait or -errno. */
        int (*wait)(void *context, usec_t deadline, size_t *ret_step, StepResult *ret_result);

        /* Lets go of a running step, neither waiting for it nor killing it. *ret_result tells how
         * far it has come. Any outcome but OUTCOME_PENDING means that it has ended meanwhile. */
        void (*abandon)(void *context, size_t step, StepResult *ret_result);
} ShutdownOps;
