/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See pci_presence.h. */

#include "tree/pci_presence.h"

#include <fcntl.h>
#include <limits.h>

/* Both of a type 0 and a type 1 header (PCI 3.0, 6.1). */
#define HEADER_SIZE 64

bool pci_is_listed(int root_fd, const char *address) {
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", address);
        return faccessat(root_fd, path, F_OK, 0) >= 0 || errno != ENOENT;
}

/* -errno: the header can't be read. */
static int read_header(int dir_fd, const char *path) {
        _cleanup_close_ int fd = -1;
        uint8_t header[HEADER_SIZE];
        ssize_t n;

        fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        n = fd < 0 ? -1 : pread(fd, header, sizeof(header), 0);
        if (n < 0)
                return errno == ENODEV ? 0 : -errno; /* it was removed after the open */
        for (ssize_t i = 0; i < n; i++)
                if (header[i] != UINT8_MAX)
                        return 1;
        return n == HEADER_SIZE ? 0 : -ENODATA;
}

int pci_presence(int root_fd, const char *address) {
        char path[PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/config", address);
        r = read_header(root_fd, path);
        return r < 0 && !pci_is_listed(root_fd, address) ? 0 : r;
}

int pci_presence_at(int function_fd) {
        return read_header(function_fd, "config");
}
