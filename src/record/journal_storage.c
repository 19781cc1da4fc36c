/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See journal_storage.h. */

#include "record/journal_storage.h"

#include <fcntl.h>
#include <limits.h>

#include "base/file.h"

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
