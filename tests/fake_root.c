/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files below a directory; see fake_root.h. */

#include "fake_root.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

int root_fd = -1;
void (*fake_root_before_remove)(const char *absolute);

static char root[PATH_MAX];
static bool is_ours;

void fake_root_start_in(const char *directory) {
        (void) snprintf(root, sizeof(root), "%s", directory);
        root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert(root_fd >= 0);
        is_ours = false;
}

void fake_root_start(void) {
        const char *tmpdir = getenv("TMPDIR");
        char directory[PATH_MAX];

        (void) snprintf(directory, sizeof(directory), "%s/fake-root.XXXXXX",
                        tmpdir ? tmpdir : "/tmp");
        assert(mkdtemp(directory));
        fake_root_start_in(directory);
        is_ours = true;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        if (fake_root_before_remove)
                fake_root_before_remove(path);
        return remove(path);
}

void fake_root_remove(const char *path) {
        assert(nftw(fake_root_path(path), remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

void fake_root_done(void) {
        if (root_fd >= 0)
                (void) close(root_fd);
        root_fd = -1;
        if (is_ours)
                fake_root_remove("");
}

const char *fake_root_path(const char *path) {
        static char absolute[2 * PATH_MAX];

        (void) snprintf(absolute, sizeof(absolute), "%s/%s", root, path);
        return absolute;
}

static void make_parents(char *path) {
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                (void) mkdir(path, 0755);
                *slash = '/';
        }
}

void fake_root_mkdir(const char *path) {
        char absolute[PATH_MAX];

        (void) snprintf(absolute, sizeof(absolute), "%s/", fake_root_path(path));
        make_parents(absolute);
        assert(access(absolute, F_OK) == 0);
}

static void write_file(const char *path, const char *mode, const void *data, size_t size) {
        char absolute[PATH_MAX];
        FILE *f;

        (void) snprintf(absolute, sizeof(absolute), "%s", fake_root_path(path));
        make_parents(absolute);
        f = fopen(absolute, mode);
        assert(f);
        assert(fwrite(data, 1, size, f) == size);
        assert(fclose(f) == 0);
}

void fake_root_write_binary(const char *path, const void *data, size_t size) {
        write_file(path, "w", data, size);
}

void fake_root_write(const char *path, const char *text) {
        write_file(path, "w", text, strlen(text));
}

void fake_root_append(const char *path, const char *text) {
        write_file(path, "a", text, strlen(text));
}

void fake_root_link(const char *path, const char *target) {
        char absolute[PATH_MAX];

        (void) snprintf(absolute, sizeof(absolute), "%s", fake_root_path(path));
        make_parents(absolute);
        assert(symlink(target, absolute) == 0);
}

char *fake_root_read(const char *path) {
        char buffer[65536];
        char *text;
        ssize_t n;
        int fd;

        fd = open(fake_root_path(path), O_RDONLY | O_CLOEXEC);
        assert(fd >= 0);
        n = read(fd, buffer, sizeof(buffer));
        assert(n >= 0);
        (void) close(fd);
        text = strndup(buffer, (size_t) n);
        assert(text);
        return text;
}
