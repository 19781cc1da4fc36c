/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the way in which this machine goes down: reboot, poweroff, halt, kexec, or none. The unit
 * stage runs it (pending_action.h). */

#include "base/log.h"
#include "stage/system_manager.h"

int main(void) {
        Action action;
        int r = system_manager_pending_action(&action);

        if (r < 0 && r != -ENOENT) {
                log_error("Could not ask systemd whether this machine is shutting down: %s.",
                          strerror(-r));
                return EXIT_FAILURE;
        }
        return puts(r == 0 ? action_to_string(action) : "none") < 0 || fflush(stdout) != 0
                       ? EXIT_FAILURE
                       : EXIT_SUCCESS;
}
