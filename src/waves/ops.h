/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seam between the executor and whatever does the work: the kernel, or a script with a clock of
 * its own. */
#pragma once

#include "model/result.h"
#include "plan/plan.h"

typedef enum OpsWait {
        OPS_WAIT_DONE = 1,    /* a step ended: *ret_step and *ret_result are set */
        OPS_WAIT_TIMEOUT = 2, /* the deadline passed first */
        OPS_WAIT_SIGNAL = 3,  /* we were asked to stop (SIGTERM) */
} OpsWait;

typedef struct ShutdownOps {
        /* Microseconds on the clock that deadlines are in. */
        usec_t (*now)(void *context);

        /* Begins the step for that device; never blocks. 0, or -errno: nothing was begun (-EAGAIN,
         * -ENOMEM, -EMFILE, -ENFILE: worth another try when some other step has ended). */
        int (*start)(void *context, size_t step, StepAction action);

        /* Waits until a started step ends, at the longest until deadline. An OpsWait, or -errno. */
        int (*wait)(void *context, usec_t deadline, size_t *ret_step, StepResult *ret_result);

        /* Lets go of a step that runs: it is neither waited for nor killed. *ret_result says how
         * far it had come. */
        void (*abandon)(void *context, size_t step, StepResult *ret_result);
} ShutdownOps;
