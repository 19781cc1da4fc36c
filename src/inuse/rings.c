/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names out of fdinfo, and what they lead to; see rings.h. */

#include "inuse/rings.h"

#include <ctype.h>
#include <limits.h>
#include <sched.h>

#include "base/file.h"
#include "base/text.h"
#include "base/timed_call.h"

#define FDINFO_MAX ((size_t) 16 * 1024 * 1024)
/* The kernel leaves the files out while the ring's lock is taken. */
#define READ_TRIES 10
/* The directories on the way may be a file server's. */
#define LOOKUP_USEC USEC_PER_SEC

typedef struct File {
        char name[256]; /* a longer one is none of /dev */
        mode_t type;
        dev_t devnum;
        int error;
} File;

/* In memory that the child shares: see timed_call.h. */
typedef struct Files {
        int proc_fd;
        int root_fd;
        char pid[16];
        size_t n;
        File files[];
} Files;

static const char *base_of(const char *name) {
        const char *slash = strrchr(name, '/');

        return slash ? slash + 1 : name;
}

/* "socket:[4711]", "anon_inode:[eventpoll]", "/memfd:x": these are no files with a node. */
static bool is_nameless(const char *name) {
        return (*name != '/' && strstr(name, ":[")) || STARTSWITH(name, "/memfd:") ||
               STREQ(name, "<none>");
}

static int look_at(const Files *files, const char *name, File *file) {
        char path[PATH_MAX];
        int r;

        if (*name == '/') {
                (void) snprintf(path, sizeof(path), "%s/root%s", files->pid, name);
                r = file_stat_node(files->proc_fd, path, 0, &file->type, &file->devnum);
                if (r >= 0)
                        return r;
        }
        (void) snprintf(path, sizeof(path), "%s/root/dev/%s", files->pid, base_of(name));
        r = file_stat_node(files->proc_fd, path, 0, &file->type, &file->devnum);
        if (r >= 0)
                return r;
        (void) snprintf(path, sizeof(path), "dev/%s", base_of(name));
        return file_stat_node(files->root_fd, path, 0, &file->type, &file->devnum);
}

static void look_at_all(void *shared) {
        Files *files = shared;

        for (size_t i = 0; i < files->n; i++)
                files->files[i].error = look_at(files, files->files[i].name, &files->files[i]);
}

/* The line "    0: /dev/nvme1n1": its name, in place; NULL: another line. */
static char *parse_line(char *line) {
        char *at = line + strspn(line, " ");

        if (!isdigit((unsigned char) *at))
                return NULL;
        at += strspn(at, "0123456789");
        return STARTSWITH(at, ": ") ? at + 2 : NULL;
}

/* What stands behind "UserFiles:", and how many files the kernel says that there are. NULL: the
 * kernel has left them out. */
static char *find_files(char *text, unsigned *ret_n) {
        char *at = strstr(text, "\nUserFiles:\t"), *line;

        *ret_n = 0;
        if (!at)
                return NULL;
        *ret_n = (unsigned) strtoul(at + strlen("\nUserFiles:\t"), NULL, 10);
        line = strchr(at + 1, '\n');
        line = line ? line + 1 : at + strlen(at);
        return *ret_n > 0 && !isdigit((unsigned char) line[strspn(line, " ")]) ? NULL : line;
}

static int read_lines(int proc_fd, const char *path, char **ret_text, char **ret_lines,
                      unsigned *ret_n) {
        for (unsigned i = 0; i < READ_TRIES; i++) {
                _cleanup_free_ char *text = NULL;
                int r = file_read_all(proc_fd, path, FDINFO_MAX, &text);

                if (r < 0)
                        return r;
                *ret_lines = find_files(text, ret_n);
                if (*ret_lines) {
                        *ret_text = TAKE_PTR(text);
                        return 0;
                }
                (void) sched_yield();
        }
        return -EBUSY;
}

static void collect(char *lines, Files *files, size_t max) {
        char *line;

        while ((line = strsep(&lines, "\n"))) {
                char *name = parse_line(line);

                if (!name)
                        return;
                text_unescape(name);
                (void) text_cut_suffix(name, " (deleted)");
                if (is_nameless(name) || files->n >= max)
                        continue;
                (void) snprintf(files->files[files->n++].name, sizeof(files->files->name), "%s",
                                name);
        }
}

/* What the child does not get to keeps the error that ended it. */
static void ask(Files *files) {
        int r;

        for (size_t i = 0; i < files->n; i++)
                files->files[i].error = -ETIMEDOUT;
        r = timed_call(look_at_all, files, LOOKUP_USEC);
        for (size_t i = 0; i < files->n && r < 0; i++)
                if (files->files[i].error == -ETIMEDOUT)
                        files->files[i].error = r;
}

static bool is_missing(int error) {
        return error == -ENOENT || error == -ENOTDIR;
}

/* Only a whole path that leads nowhere is a doubt: of a bare name (up to 6.6) most are plain files,
 * which are somewhere else than in /dev. */
static int visit_file(Inuse *inuse, const char *pid, const File *file,
                      int (*visit)(void *userdata, mode_t type, dev_t devnum), void *userdata) {
        size_t block = topology_find_block(inuse->topology, base_of(file->name));

        if (file->error == 0)
                return visit(userdata, file->type, file->devnum);
        if (block != TOPOLOGY_NONE)
                return visit(userdata, S_IFBLK, inuse->topology->blocks[block].devnum);
        if (*file->name != '/' && is_missing(file->error))
                return 0;
        return inuse_doubt(inuse, "%s, registered with io_uring by process %s: %s", file->name, pid,
                           strerror(-file->error));
}

int inuse_rings_read(Inuse *inuse, int proc_fd, const char *pid, const char *path,
                     int (*visit)(void *userdata, mode_t type, dev_t devnum), void *userdata) {
        _cleanup_free_ char *text = NULL;
        char *lines = NULL;
        unsigned n = 0;
        Files *files;
        size_t size;
        int r;

        r = read_lines(proc_fd, path, &text, &lines, &n);
        if (r == -ENOENT || r == -ESRCH) /* it ended meanwhile */
                return 0;
        if (r < 0)
                return r == -ENOMEM ? r : inuse_doubt(inuse, "/proc/%s: %s", path, strerror(-r));
        if (n == 0)
                return 0;
        size = sizeof(Files) + n * sizeof(File);
        files = timed_call_allocate(size);
        if (!files)
                return -ENOMEM;
        files->proc_fd = proc_fd;
        files->root_fd = inuse->root_fd;
        (void) snprintf(files->pid, sizeof(files->pid), "%s", pid);
        collect(lines, files, n);
        if (files->n > 0)
                ask(files);
        for (size_t i = 0; i < files->n && r >= 0; i++)
                r = visit_file(inuse, pid, &files->files[i], visit, userdata);
        timed_call_free(files, size);
        return r;
}
