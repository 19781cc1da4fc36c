/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See block_node.h. */

#include "tree/block_node.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/recorded.h"

/* Answers as open(2) did when the machine was recorded. */
static int open_recorded(int root_fd, const char *path, dev_t devnum, bool claim) {
        _cleanup_free_ char *answer = NULL;
        mode_t type;
        dev_t found;
        long error;
        int r;

        r = file_stat_node(root_fd, path, 0, &type, &found);
        if (r < 0)
                return r;
        if (!S_ISBLK(type) || found != devnum)
                return -ESTALE;
        r = claim ? recorded_answer(root_fd, path, "claim", &answer) : -ENODATA;
        if (r < 0)
                return r == -ENODATA ? file_open(root_fd, path, O_RDONLY) : r;
        error = strtol(answer, NULL, 10);
        return error > 0 && error < 4096 ? -(int) error : -EBADMSG;
}

int block_node_open(int root_fd, const char *name, dev_t devnum, bool claim) {
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        mode_t type;
        dev_t found;
        int r;

        if ((size_t) snprintf(path, sizeof(path), "dev/%s", name) >= sizeof(path))
                return -ENAMETOOLONG;
        if (recorded_is_root())
                return open_recorded(root_fd, path, devnum, claim);
        fd = openat(root_fd, path,
                    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (claim ? O_EXCL : 0));
        if (fd < 0)
                return -errno;
        r = file_stat_node(fd, "", AT_EMPTY_PATH, &type, &found);
        if (r < 0)
                return r;
        if (type != S_IFBLK || found != devnum)
                return -ESTALE;
        return TAKE(fd, -1);
}

const char *block_node_strerror(int error) {
        if (error == -ENOENT)
                return "the node is missing";
        if (error == -ESTALE)
                return "the node is another device";
        return strerror(-error);
}
