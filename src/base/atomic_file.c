/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See atomic_file.h. */

#include "base/atomic_file.h"

#include <fcntl.h>

int atomic_file_open(int dir_fd, const char *path, mode_t mode, AtomicFile *ret) {
        AtomicFile file = { .dir_fd = dir_fd };
        const char *name = strrchr(path, '/');
        int fd, n;

        name = name ? name + 1 : path;
        if (!*name || strlen(path) >= sizeof(file.path))
                return *name ? -ENAMETOOLONG : -EISDIR;
        (void) snprintf(file.path, sizeof(file.path), "%s", path);
        n = snprintf(file.temporary, sizeof(file.temporary), "%.*s.%s.%d", (int) (name - path),
                     path, name, (int) getpid());
        if (n < 0 || (size_t) n >= sizeof(file.temporary))
                return -ENAMETOOLONG;
        /* A leftover of a process with the same number. */
        (void) unlinkat(dir_fd, file.temporary, 0);
        fd = openat(dir_fd, file.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                    mode);
        if (fd < 0)
                return -errno;
        file.stream = fdopen(fd, "w");
        if (!file.stream) {
                int r = -errno;

                (void) close(fd);
                (void) unlinkat(dir_fd, file.temporary, 0);
                return r;
        }
        *ret = file;
        return 0;
}

static int sync_and_rename(AtomicFile *file) {
        if (fflush(file->stream) != 0 || ferror(file->stream))
                return errno > 0 ? -errno : -EIO;
        if (fsync(fileno(file->stream)) < 0)
                return -errno;
        if (renameat(file->dir_fd, file->temporary, file->dir_fd, file->path) < 0)
                return -errno;
        return 0;
}

int atomic_file_commit(AtomicFile *file) {
        int r;

        r = sync_and_rename(file);
        if (r < 0) {
                atomic_file_discard(file);
                return r;
        }
        r = fclose(file->stream) == 0 ? 0 : -errno;
        file->stream = NULL;
        return r;
}

void atomic_file_discard(AtomicFile *file) {
        if (!file->stream)
                return;
        (void) unlinkat(file->dir_fd, file->temporary, 0);
        (void) fclose(file->stream);
        file->stream = NULL;
}
