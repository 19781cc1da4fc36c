/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "snapshot": records this machine in a directory, for bug reports and tests. Changes nothing else.
 */

#include "trial/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/verbs.h"

/* The directory must be new, since any other file in it would be read as a part of the machine. Only
 * its owner may read it: it holds serial numbers and mount points. Returns the descriptor, or -errno
 * with the error logged. */
static int make_directory(const char *path) {
        int fd = mkdir(path, 0700) < 0 ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (fd >= 0)
                return fd;
        fd = -errno;
        log_error("%s: %s.", path, strerror(-fd));
        return fd;
}

static int record_machine(const Arguments *arguments, int root_fd, Machine *machine, int to_fd) {
        int r;

        r = verb_read_times(root_fd, machine);
        if (r < 0)
                return r;
        if (geteuid() != 0) {
                r = lines_add(&machine->unknown,
                              "what only root can see: a user took the snapshot");
                if (r < 0)
                        return r;
        }
        return snapshot_write(root_fd, &machine->topology, !arguments->no_claim, &machine->unknown,
                              to_fd);
}

int verb_snapshot(const Arguments *arguments) {
        _cleanup_(machine_done) Machine machine = MACHINE_INIT;
        _cleanup_close_ int root_fd = -1, to_fd = -1;
        int r;

        if (arguments->n_operands == 0) {
                log_error("snapshot: the directory to make is missing. Try nvme-async-shutdown "
                          "--help.");
                return EXIT_FAILURE;
        }
        root_fd = verb_open_root(arguments);
        if (root_fd < 0 || verb_read_machine(arguments, root_fd, &machine) < 0)
                return EXIT_FAILURE;
        to_fd = make_directory(arguments->operands[0]);
        if (to_fd < 0)
                return EXIT_FAILURE;
        r = record_machine(arguments, root_fd, &machine, to_fd);
        if (r < 0)
                log_error("Could not record this machine in %s: %s.", arguments->operands[0],
                          strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
