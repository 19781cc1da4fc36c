/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device nodes and directories; see fs.h. */

#include "base/fs.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

static int stat_node(int dir_fd, const char *path, int flags, struct statx *sx) {
        /* Without DONT_SYNC one open file on a dead NFS or FUSE server would stop us here for good.
         * Type and device number are filled in without being asked for; asking would give EACCES
         * for every file on another user's FUSE (fuse_getattr() in fs/fuse/dir.c), even to root. */
        flags |= AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
        return statx(dir_fd, path, flags, 0, sx) < 0 ? -errno : 0;
}

int fs_stat_node(int dir_fd, const char *path, int flags, mode_t *ret_type, dev_t *ret_devnum) {
        struct statx sx;
        int r = stat_node(dir_fd, path, flags, &sx);

        if (r < 0)
                return r;
        *ret_type = sx.stx_mode & S_IFMT;
        *ret_devnum = makedev(sx.stx_rdev_major, sx.stx_rdev_minor);
        return 0;
}

int fs_stat_file(int dir_fd, const char *path, mode_t *ret_type, dev_t *ret_devnum, dev_t *ret_on) {
        struct statx sx;
        int r = stat_node(dir_fd, path, 0, &sx);

        if (r < 0)
                return r;
        *ret_type = sx.stx_mode & S_IFMT;
        *ret_devnum = makedev(sx.stx_rdev_major, sx.stx_rdev_minor);
        *ret_on = makedev(sx.stx_dev_major, sx.stx_dev_minor);
        return 0;
}

bool fs_is_gone(int error) {
        return error == -ENOENT || error == -ENODEV || error == -ENXIO || error == -ENOTDIR;
}

int fs_opendir(int dir_fd, const char *path, DIR **ret_dir) {
        DIR *dir;
        int fd, r;

        fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        dir = fdopendir(fd);
        if (!dir) {
                r = -errno;
                (void) close(fd);
                return r;
        }
        *ret_dir = dir;
        return 0;
}

const char *fs_readdir(DIR *dir, int *ret_error) {
        const struct dirent *entry;

        do {
                errno = 0;
                entry = readdir(dir);
        } while (entry && (STREQ(entry->d_name, ".") || STREQ(entry->d_name, "..")));
        *ret_error = entry ? 0 : -errno;
        return entry ? entry->d_name : NULL;
}
