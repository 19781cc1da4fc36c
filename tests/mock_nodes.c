/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interposed system calls; see mock_nodes.h. */

#undef _FORTIFY_SOURCE

#include "mock_nodes.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/loop.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fake_root.h"
#include "mock_nvme.h"

typedef struct Node {
        char *name;
        mode_t type;
        dev_t devnum;
        dev_t dev; /* of the plain file */
        ino_t ino;
        int error; /* positive errno of openat(); 0: it works */
        dev_t backing;
        int backing_error;
        unsigned n_opens;
} Node;

static struct {
        Node nodes[128];
        size_t n_nodes;
        bool is_reversed;
} state;

static void *next(const char *name) {
        void *function = dlsym(RTLD_NEXT, name);

        g_assert(function);
        return function;
}

static int real_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *sx) {
        return ((typeof(statx) *) next("statx"))(dir_fd, path, flags, mask, sx);
}

static int real_openat(int fd, const char *path, int flags, mode_t mode) {
        return ((int (*)(int, const char *, int, ...)) next("openat64"))(fd, path, flags, mode);
}

static dev_t device_of(const struct statx *sx) {
        return makedev(sx->stx_dev_major, sx->stx_dev_minor);
}

static Node *find_file(const struct statx *sx) {
        for (size_t i = 0; i < state.n_nodes; i++)
                if (state.nodes[i].dev == device_of(sx) && state.nodes[i].ino == sx->stx_ino)
                        return &state.nodes[i];
        return NULL;
}

static Node *find_open(int fd) {
        struct statx sx;

        return real_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &sx) < 0 ? NULL : find_file(&sx);
}

static Node *find_node(const char *name) {
        for (size_t i = 0; i < state.n_nodes; i++)
                if (strcmp(state.nodes[i].name, name) == 0)
                        return &state.nodes[i];
        g_error("no node %s", name);
}

/* The inode number of a removed file may soon be another file's. */
static void forget_file(const char *path) {
        Node *node;
        int fd = real_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);

        if (fd < 0)
                return;
        node = find_open(fd);
        (void) close(fd);
        if (node)
                node->dev = node->ino = 0;
}

static Node *add_node(const char *name, const char *path, int flags) {
        struct statx sx;
        int fd;

        g_assert(state.n_nodes < G_N_ELEMENTS(state.nodes));
        fake_root_before_remove = forget_file;
        fd = real_openat(root_fd, path, flags | O_CLOEXEC, 0600);
        g_assert(fd >= 0);
        g_assert_no_errno(real_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &sx));
        (void) close(fd);
        state.nodes[state.n_nodes] = (Node){
                .name = g_strdup(name),
                .type = sx.stx_mode & S_IFMT,
                .dev = device_of(&sx),
                .ino = sx.stx_ino,
        };
        return &state.nodes[state.n_nodes++];
}

void mock_nodes_add(const char *node, mode_t type, dev_t devnum) {
        char *path = g_build_filename("dev", node, NULL);
        Node *added = add_node(node, path, O_CREAT | O_WRONLY);

        added->type = type;
        added->devnum = devnum;
        g_free(path);
}

void mock_nodes_fail_path(const char *path, int error) {
        add_node(path, path, O_RDONLY)->error = error;
}

dev_t mock_nodes_devnum(const char *node) {
        return find_node(node)->devnum;
}

void mock_nodes_fail(const char *node, int error) {
        find_node(node)->error = error;
}

void mock_nodes_set_backing(const char *node, dev_t devnum) {
        find_node(node)->backing = devnum;
}

void mock_nodes_fail_backing(const char *node, int error) {
        find_node(node)->backing_error = error;
}

unsigned mock_nodes_count_opens(const char *node) {
        return find_node(node)->n_opens;
}

void mock_nodes_forget(void) {
        fake_root_before_remove = NULL;
        state.is_reversed = false;
        for (size_t i = 0; i < state.n_nodes; i++)
                g_free(state.nodes[i].name);
        state.n_nodes = 0;
}

static int open_as_node(int dir_fd, const char *path, int flags, mode_t mode) {
        int fd = real_openat(dir_fd, path, flags & ~O_EXCL, mode);
        Node *node;

        if (fd < 0 || state.n_nodes == 0)
                return fd;
        node = find_open(fd);
        if (!node)
                return fd;
        node->n_opens++;
        if (node->error == 0 || (node->error == EBUSY && !(flags & O_EXCL)))
                return fd;
        (void) close(fd);
        errno = node->error;
        return -1;
}

int openat(int dir_fd, const char *path, int flags, ...) {
        mode_t mode = 0;

        if (flags & (O_CREAT | O_TMPFILE)) {
                va_list args;

                va_start(args, flags);
                mode = va_arg(args, mode_t);
                va_end(args);
        }
        if (flags & O_CREAT)
                return real_openat(dir_fd, path, flags, mode);
        return open_as_node(dir_fd, path, flags, mode);
}

/* _FORTIFY_SOURCE makes openat() this. */
int mock_openat_fortified(int dir_fd, const char *path, int flags) __asm__("__openat64_2");

int mock_openat_fortified(int dir_fd, const char *path, int flags) {
        return open_as_node(dir_fd, path, flags, 0);
}

static int answer_loop(const Node *node, struct loop_info64 *info) {
        *info = (struct loop_info64){
                /* new_encode_dev() in include/linux/kdev_t.h */
                .lo_rdevice = (minor(node->backing) & 0xff) | major(node->backing) << 8 |
                              (minor(node->backing) & ~0xffu) << 12,
        };
        errno = node->backing_error;
        return node->backing_error ? -1 : 0;
}

int ioctl(int fd, unsigned long request, ...) {
        int (*real)(int, unsigned long, ...) = next("ioctl");
        const Node *node;
        va_list args;
        void *argument;

        va_start(args, request);
        argument = va_arg(args, void *);
        va_end(args);
        node = request == LOOP_GET_STATUS64 ? find_open(fd) : NULL;
        return node ? answer_loop(node, argument) : real(fd, request, argument);
}

int statx(int dir_fd, const char *restrict path, int flags, unsigned mask,
          struct statx *restrict sx) {
        int r = real_statx(dir_fd, path, flags, mask | STATX_INO, sx);
        const Node *node;

        if (r < 0)
                return r;
        node = find_file(sx);
        if (node) {
                sx->stx_mode = (__u16) (node->type | 0600);
                sx->stx_rdev_major = major(node->devnum);
                sx->stx_rdev_minor = minor(node->devnum);
        }
        return r;
}

void mock_reverse_enumeration(void) {
        state.is_reversed = true;
}

/* A directory being read backwards. */
static struct Listing {
        DIR *dir;
        struct dirent entries[256];
        size_t n;
} listings[8];

static struct Listing *find_listing(DIR *dir) {
        for (size_t i = 0; i < G_N_ELEMENTS(listings); i++)
                if (listings[i].dir == dir)
                        return &listings[i];
        return NULL;
}

struct dirent *readdir(DIR *dir) {
        typeof(readdir) *real_readdir = next("readdir");
        struct Listing *listing = find_listing(dir);
        struct dirent *entry;

        if (!state.is_reversed)
                return real_readdir(dir);
        if (!listing) {
                listing = find_listing(NULL);
                g_assert(listing);
                *listing = (struct Listing){ .dir = dir };
                while ((entry = real_readdir(dir))) {
                        g_assert(listing->n < G_N_ELEMENTS(listing->entries));
                        listing->entries[listing->n++] = *entry;
                }
        }
        return listing->n > 0 ? &listing->entries[--listing->n] : NULL;
}

int closedir(DIR *dir) {
        typeof(closedir) *real_closedir = next("closedir");
        struct Listing *listing = find_listing(dir);

        if (listing)
                listing->dir = NULL;
        return real_closedir(dir);
}
