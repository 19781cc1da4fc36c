/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See conf_files.h. libeconf of Debian 12 supports neither /run nor masks. */

#include "config/conf_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"

static const char *const directories[] = { "etc", "run", "usr/local/lib", "usr/lib" };

typedef struct DropIn {
        char *path;
        const char *name; /* inside path */
        bool is_mask;
} DropIn;

typedef struct DropIns {
        DropIn *list;
        size_t n;
} DropIns;

char **conf_files_free(char **paths) {
        for (char **p = paths; p && *p; p++)
                free(*p);
        free(paths);
        return NULL;
}

static void drop_ins_done(DropIns *drop_ins) {
        for (size_t i = 0; i < drop_ins->n; i++)
                free(drop_ins->list[i].path);
        free(drop_ins->list);
}

#define _cleanup_drop_ins_ _cleanup_(drop_ins_done)

static bool is_mask(const struct stat *st) {
        return (S_ISREG(st->st_mode) && st->st_size == 0) ||
               (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3));
}

/* Whether path exists. A file that can't be examined, such as a dangling link, is no mask: reading
 * it gives the error to report. */
static bool find_file(int root_fd, const char *path, bool *ret_is_mask) {
        struct stat st;

        if (fstatat(root_fd, path, &st, AT_NO_AUTOMOUNT) >= 0) {
                *ret_is_mask = is_mask(&st);
                return true;
        }
        *ret_is_mask = false;
        if (errno != ENOENT && errno != ENOTDIR)
                return true;
        return fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) >= 0;
}

/* *ret_path stays NULL if there is no main file or it is masked. */
static int find_main(int root_fd, const char *name, char **ret_path) {
        for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
                _cleanup_free_ char *path = NULL;
                bool masked;

                if (asprintf(&path, "%s/%s", directories[i], name) < 0)
                        return -ENOMEM;
                if (!find_file(root_fd, path, &masked))
                        continue;
                if (!masked)
                        *ret_path = TAKE_PTR(path);
                return 0;
        }
        return 0;
}

static bool is_drop_in_name(const char *name) {
        const char *suffix = strrchr(name, '.');

        return name[0] != '.' && suffix && suffix != name && STREQ(suffix, ".conf");
}

static bool has_name(const DropIns *drop_ins, const char *name) {
        for (size_t i = 0; i < drop_ins->n; i++)
                if (STREQ(drop_ins->list[i].name, name))
                        return true;
        return false;
}

static int add_drop_in(DropIns *drop_ins, int root_fd, const char *directory, const char *name) {
        DropIn *list, *drop_in;

        list = reallocarray(drop_ins->list, drop_ins->n + 1, sizeof(DropIn));
        if (!list)
                return -ENOMEM;
        drop_ins->list = list;
        drop_in = &list[drop_ins->n];
        if (asprintf(&drop_in->path, "%s%s%s", directory, *name ? "/" : "", name) < 0)
                return -ENOMEM;
        drop_in->name = strrchr(drop_in->path, '/') + 1;
        (void) find_file(root_fd, drop_in->path, &drop_in->is_mask);
        drop_ins->n++;
        return 0;
}

static int add_directory(DropIns *drop_ins, int root_fd, const char *directory) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int error, r;

        r = file_opendir(root_fd, directory, &dir);
        if (r < 0)
                return r == -ENOENT ? 0 : add_drop_in(drop_ins, root_fd, directory, "");
        while ((name = file_readdir(dir, &error))) {
                if (!is_drop_in_name(name) || has_name(drop_ins, name))
                        continue;
                r = add_drop_in(drop_ins, root_fd, directory, name);
                if (r < 0)
                        return r;
        }
        return error < 0 ? add_drop_in(drop_ins, root_fd, directory, "") : 0;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(((const DropIn *) a)->name, ((const DropIn *) b)->name);
}

static int collect_drop_ins(int root_fd, const char *name, DropIns *drop_ins) {
        for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
                _cleanup_free_ char *directory = NULL;
                int r;

                if (asprintf(&directory, "%s/%s.d", directories[i], name) < 0)
                        return -ENOMEM;
                r = add_directory(drop_ins, root_fd, directory);
                if (r < 0)
                        return r;
        }
        if (drop_ins->n > 1)
                qsort(drop_ins->list, drop_ins->n, sizeof(DropIn), compare_names);
        return 0;
}

int conf_files_list(int root_fd, const char *name, char ***ret_paths) {
        _cleanup_drop_ins_ DropIns drop_ins = {};
        _cleanup_free_ char *main_path = NULL;
        size_t n = 0;
        char **paths;
        int r;

        r = find_main(root_fd, name, &main_path);
        if (r < 0)
                return r;
        r = collect_drop_ins(root_fd, name, &drop_ins);
        if (r < 0)
                return r;
        paths = calloc(drop_ins.n + 2, sizeof(char *));
        if (!paths)
                return -ENOMEM;
        if (main_path)
                paths[n++] = TAKE_PTR(main_path);
        for (size_t i = 0; i < drop_ins.n; i++)
                if (!drop_ins.list[i].is_mask)
                        paths[n++] = TAKE_PTR(drop_ins.list[i].path);
        *ret_paths = paths;
        return 0;
}
