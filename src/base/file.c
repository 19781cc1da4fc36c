/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See file.h. */

#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>

#include "base/recorded.h"
#include "base/text.h"

#define ATTRIBUTE_MAX FILE_ATTRIBUTE_MAX

int file_open_root(const char *root) {
        int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

bool file_exists(int root_fd, const char *path) {
        return faccessat(root_fd, path, F_OK, 0) == 0;
}

/* Reads up to size bytes, fewer only at the end of the file. Returns how many, or -errno. */
static ssize_t read_fully(int fd, char *buffer, size_t size) {
        size_t n = 0;

        while (n < size) {
                ssize_t k = read(fd, buffer + n, size - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        return (ssize_t) n;
}

/* The kernel returns a whole attribute by the first read (sysfs_kf_seq_show() in fs/sysfs/file.c).
 * A second read just to see its end would double the reads of each attribute of each drive. */
static ssize_t read_attribute(int fd, char *buffer, size_t size) {
        ssize_t n;

        do
                n = pread(fd, buffer, size, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == ESPIPE)
                return read_fully(fd, buffer, size);
        return n < 0 ? -errno : n;
}

int file_open(int root_fd, const char *path, int flags) {
        int fd, r;

        r = recorded_check_open(root_fd, path);
        if (r < 0)
                return r;
        fd = openat(root_fd, path,
                    flags | O_CLOEXEC | O_NOCTTY | (flags == O_RDONLY ? O_NONBLOCK : 0));
        return fd < 0 ? -errno : fd;
}

int file_read(int root_fd, const char *path, char **ret_value) {
        _cleanup_close_ int fd = file_open(root_fd, path, O_RDONLY);

        return fd < 0 ? fd : file_read_fd(fd, ret_value);
}

static int read_trimmed(int fd, char buffer[static ATTRIBUTE_MAX]) {
        ssize_t n = read_attribute(fd, buffer, ATTRIBUTE_MAX - 1);

        if (n < 0)
                return (int) n;
        buffer[n] = '\0';
        if (memchr(buffer, '\0', (size_t) n))
                return -EINVAL;
        while (n > 0 && strchr(" \t\r\n", buffer[n - 1]))
                buffer[--n] = '\0';
        return 0;
}

int file_read_fd(int fd, char **ret_value) {
        char buffer[ATTRIBUTE_MAX], *value;
        int r = read_trimmed(fd, buffer);

        if (r < 0)
                return r;
        value = strdup(buffer);
        if (!value)
                return -ENOMEM;
        *ret_value = value;
        return 0;
}

int file_read_printable(int dir_fd, const char *path, char *buffer, size_t size) {
        _cleanup_close_ int fd = file_open(dir_fd, path, O_RDONLY);
        char value[ATTRIBUTE_MAX];
        int r;

        *buffer = '\0';
        r = fd < 0 ? fd : read_trimmed(fd, value);
        if (r < 0)
                return r;
        text_clean_attribute(value);
        (void) snprintf(buffer, size, "%s", value);
        return 0;
}

int file_read_at(int root_fd, const char *dir, const char *name, char **ret_value) {
        char path[PATH_MAX];

        if ((size_t) snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
                return -ENAMETOOLONG;
        return file_read(root_fd, path, ret_value);
}

int file_read_all(int root_fd, const char *path, size_t max, char **ret_text) {
        _cleanup_free_ char *text = NULL;
        _cleanup_close_ int fd = -1;
        size_t size = 0, n = 0;

        fd = file_open(root_fd, path, O_RDONLY);
        if (fd < 0)
                return fd;
        for (;;) {
                ssize_t k;
                char *larger;

                if (n > max)
                        return -EFBIG;
                size = size ? 2 * size : 2 * ATTRIBUTE_MAX;
                larger = realloc(text, size + 1);
                if (!larger)
                        return -ENOMEM;
                text = larger;
                k = read_fully(fd, text + n, size - n);
                if (k < 0)
                        return (int) k;
                n += (size_t) k;
                if (n < size)
                        break;
        }
        if (n > max)
                return -EFBIG;
        if (memchr(text, '\0', n))
                return -EINVAL;
        text[n] = '\0';
        *ret_text = TAKE_PTR(text);
        return 0;
}

int file_link_name(int root_fd, const char *dir, const char *name, char **ret_name) {
        char path[PATH_MAX], target[PATH_MAX];
        const char *slash;
        char *copy;
        ssize_t n;

        if ((size_t) snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
                return -ENAMETOOLONG;
        n = readlinkat(root_fd, path, target, sizeof(target) - 1);
        if (n < 0)
                return -errno;
        target[n] = '\0';
        slash = strrchr(target, '/');
        copy = strdup(slash ? slash + 1 : target);
        if (!copy)
                return -ENOMEM;
        *ret_name = copy;
        return 0;
}

int parse_devnum(const char *text, dev_t *ret_devnum) {
        unsigned long major, minor;
        char *end;

        if (*text < '0' || *text > '9')
                return -EINVAL;
        errno = 0;
        major = strtoul(text, &end, 10);
        if (errno || *end != ':' || end[1] < '0' || end[1] > '9' || major > UINT32_MAX)
                return -EINVAL;
        minor = strtoul(end + 1, &end, 10);
        if (errno || *end != '\0' || minor > UINT32_MAX)
                return -EINVAL;
        *ret_devnum = makedev((unsigned) major, (unsigned) minor);
        return 0;
}

int file_write(int root_fd, const char *path, const char *value) {
        _cleanup_close_ int fd = file_open(root_fd, path, O_WRONLY);

        return fd < 0 ? fd : file_write_fd(fd, value);
}

int file_write_fd(int fd, const char *value) {
        size_t length = strlen(value);
        ssize_t n = write(fd, value, length);

        if (n < 0)
                return -errno;
        return (size_t) n == length ? 0 : -EIO;
}

static int stat_node(int dir_fd, const char *path, int flags, struct statx *sx) {
        /* Without DONT_SYNC, a single open file on a dead NFS or FUSE server would block us
         * forever. The kernel fills in type and device number unasked. Asking for them would fail
         * with EACCES, even for root, on another user's FUSE (fuse_getattr() in fs/fuse/dir.c). */
        flags |= AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
        return statx(dir_fd, path, flags, 0, sx) < 0 ? -errno : 0;
}

static void take_node(int dir_fd, const char *path, const struct statx *sx, mode_t *ret_type,
                      dev_t *ret_devnum) {
        *ret_type = sx->stx_mode & S_IFMT;
        *ret_devnum = makedev(sx->stx_rdev_major, sx->stx_rdev_minor);
        if (recorded_is_root() && S_ISREG(*ret_type))
                recorded_read_node(dir_fd, path, ret_type, ret_devnum);
}

int file_stat_node(int dir_fd, const char *path, int flags, mode_t *ret_type, dev_t *ret_devnum) {
        struct statx sx;
        int r = stat_node(dir_fd, path, flags, &sx);

        if (r < 0)
                return r;
        take_node(dir_fd, path, &sx, ret_type, ret_devnum);
        return 0;
}

int file_stat(int dir_fd, const char *path, mode_t *ret_type, dev_t *ret_devnum, dev_t *ret_on) {
        struct statx sx;
        int r = stat_node(dir_fd, path, 0, &sx);

        if (r < 0)
                return r;
        take_node(dir_fd, path, &sx, ret_type, ret_devnum);
        *ret_on = makedev(sx.stx_dev_major, sx.stx_dev_minor);
        return 0;
}

bool file_is_gone(int error) {
        return error == -ENOENT || error == -ENODEV || error == -ENXIO || error == -ENOTDIR;
}

int file_opendir(int dir_fd, const char *path, DIR **ret_dir) {
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

const char *file_readdir(DIR *dir, int *ret_error) {
        const struct dirent *entry;

        do {
                errno = 0;
                entry = readdir(dir);
        } while (entry && (STREQ(entry->d_name, ".") || STREQ(entry->d_name, "..")));
        *ret_error = entry ? 0 : -errno;
        return entry ? entry->d_name : NULL;
}
