/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See nvme_presence.h. */

#include "tree/nvme_presence.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "base/file.h"

#define FUNCTION_MAX 128
#define UDEV_CONTROL "run/udev/control"

/* Finds the class device below the PCI function, "nvme3". */
static void find_name(int root_fd, const char *function, char *name, size_t size) {
        _cleanup_closedir_ DIR *dir = NULL;
        char path[FUNCTION_MAX + 16];
        const char *entry;
        int r;

        (void) snprintf(path, sizeof(path), "%s/nvme", function);
        if (file_opendir(root_fd, path, &dir) < 0)
                return;
        while ((entry = file_readdir(dir, &r)))
                if (STARTSWITH(entry, "nvme"))
                        (void) snprintf(name, size, "%s", entry);
}

/* "nvme1c2n3" is a path of the multipath head "nvme1n3". */
static void name_disk(const char *entry, char *disk, size_t size) {
        const char *path = entry + strlen("nvme");

        while (isdigit((unsigned char) *path))
                path++;
        if (*path == 'c')
                (void) snprintf(disk, size, "%.*s%s", (int) (path - entry), entry,
                                path + strcspn(path, "n"));
        else
                (void) snprintf(disk, size, "%s", entry);
}

/* The disk's directory appears before the kernel has read the partition table, and udevd is
 * notified after that (device_add_disk(), 6.1). When udevd has made all links it writes the file
 * that udev_device_get_is_initialized() looks for, here below root_fd. */
static bool is_usable(int root_fd, const char *entry) {
        _cleanup_free_ char *number = NULL;
        char disk[64], path[128];
        dev_t devnum;

        name_disk(entry, disk, sizeof(disk));
        (void) snprintf(path, sizeof(path), "sys/class/block/%s", disk);
        if (file_read_at(root_fd, path, "dev", &number) < 0 || parse_devnum(number, &devnum) < 0)
                return false;
        if (!file_exists(root_fd, UDEV_CONTROL))
                return true;
        (void) snprintf(path, sizeof(path), "run/udev/data/b%u:%u", major(devnum), minor(devnum));
        return file_exists(root_fd, path);
}

static size_t count_namespaces(int root_fd, const char *controller) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *entry;
        size_t n = 0;
        int r;

        if (file_opendir(root_fd, controller, &dir) < 0)
                return 0;
        while ((entry = file_readdir(dir, &r)))
                n += STARTSWITH(entry, "nvme") && is_usable(root_fd, entry);
        return n;
}

void nvme_presence_read(int root_fd, const char *address, NvmePresence *ret) {
        char function[FUNCTION_MAX], path[FUNCTION_MAX + 64];
        _cleanup_close_ int dir_fd = -1;

        *ret = (NvmePresence){};
        (void) snprintf(function, sizeof(function), "sys/bus/pci/devices/%s", address);
        ret->is_on_bus = file_exists(root_fd, function);
        (void) snprintf(path, sizeof(path), "%s/driver", function);
        ret->is_driven = file_exists(root_fd, path);
        find_name(root_fd, function, ret->name, sizeof(ret->name));
        if (!*ret->name)
                return;
        (void) snprintf(path, sizeof(path), "%s/nvme/%s", function, ret->name);
        dir_fd = openat(root_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return;
        /* The state comes first: until it is live the serial number may read as "(efault)", since
         * the controller has no subsystem yet (nvme_show_str_function(), 6.1). */
        (void) file_read_printable(dir_fd, "state", ret->state, sizeof(ret->state));
        (void) file_read_printable(dir_fd, "serial", ret->serial, sizeof(ret->serial));
        ret->n_namespaces = count_namespaces(root_fd, path);
}

ssize_t nvme_presence_count(int root_fd) {
        _cleanup_closedir_ DIR *dir = NULL;
        ssize_t n = 0;
        const char *name;
        int r;

        r = file_opendir(root_fd, "sys/bus/pci/drivers/nvme", &dir);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        /* PCI addresses have colons, the driver's own attributes have none. */
        while ((name = file_readdir(dir, &r)))
                n += strchr(name, ':') != NULL;
        return r < 0 ? r : n;
}
