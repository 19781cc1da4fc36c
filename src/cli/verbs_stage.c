/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one verb of nvme-async-shutdown-stage. Unit, hook and exitrd call a program of their own, so
 * that a shutdown loads no library but those it uses: libsystemd and the others are more than half
 * of what the other program takes to start. */

#include "cli/verbs.h"

const Verb verbs[] = {
        { "run", verb_run, "Act; called at shutdown, with reboot, poweroff, halt or kexec", 1,
          "stage" },
        {},
};
