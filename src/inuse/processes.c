/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks over /proc; see processes.h. */

#include "inuse/processes.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <sched.h>
#include <search.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/recorded.h"
#include "base/text.h"
#include "base/timed_call.h"

#define MAPS_MAX ((size_t) 256 * 1024 * 1024)
#define FDINFO_MAX ((size_t) 16 * 1024 * 1024)
/* The kernel leaves the registered files out of fdinfo while the ring's lock is taken. */
#define READ_TRIES 10
/* A path may lie on a file server that does not answer. */
#define LOOKUP_USEC USEC_PER_SEC

/* One walk over all processes. */
typedef struct Walk {
        Inuse *inuse;
        DIR *dir; /* of /proc */
        int proc_fd;
        bool is_procfs;  /* not a test's directory, whose process ids mean nothing to the kernel */
        dev_t anonymous; /* the file system of all io_urings (anon_inode_getfile()); 0: not known */
        void *plain;     /* a tree of MappedFile: files that are not devices */
} Walk;

static void walk_done(Walk *walk) {
        tdestroy(walk->plain, free);
        close_dir(&walk->dir);
}

#define _cleanup_walk_ _cleanup_(walk_done)

typedef struct Process {
        Walk *walk;
        const char *pid;
        char *who; /* "qemu[4711]"; read when the first device is met */
} Process;

static void process_done(Process *process) {
        free(process->who);
}

#define _cleanup_process_ _cleanup_(process_done)

typedef struct MappedFile {
        unsigned major, minor;
        uint64_t inode;
} MappedFile;

static int read_who(Process *process) {
        _cleanup_free_ char *comm = NULL;
        int r;

        if (process->who)
                return 0;
        r = file_read_at(process->walk->proc_fd, process->pid, "comm", &comm);
        if (r == -ENOMEM)
                return r;
        if (comm)
                text_make_printable(comm);
        if (asprintf(&process->who, "%s[%s]", comm ?: "process", process->pid) < 0) {
                process->who = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int mark_block(Process *process, size_t block) {
        Inuse *inuse = process->walk->inuse;
        int r = read_who(process);

        if (r < 0)
                return r;
        return inuse_raise(inuse, block, USE_OPEN, "/dev/%s is open in %s",
                           inuse->topology->blocks[block].name, process->who);
}

static int mark_node(Process *process, mode_t type, dev_t devnum) {
        Inuse *inuse = process->walk->inuse;
        InuseChar node;
        size_t block;
        int r;

        if (S_ISBLK(type)) {
                block = topology_find_devnum(inuse->topology, devnum);
                return block == TOPOLOGY_NONE ? 0 : mark_block(process, block);
        }
        if (!S_ISCHR(type) || !inuse_find_char(inuse, devnum, &node))
                return 0;
        r = read_who(process);
        if (r < 0)
                return r;
        return inuse_raise_char(inuse, &node, USE_OPEN, process->who);
}

/* what: "fd", "maps", ...: the file or directory below /proc/PID that can't be read. */
static int doubt_process(Process *process, const char *what, int error) {
        if (error == -ENOENT || error == -ESRCH) /* it ended meanwhile */
                return 0;
        return inuse_doubt(process->walk->inuse, "/proc/%s/%s: %s", process->pid, what,
                           strerror(-error));
}

/* For one file that can't be looked at: a file system may say -EIO or -ENOTCONN, a node never. */
static int doubt_file(Process *process, const char *what, int error) {
        return error == -EACCES || error == -EPERM ? doubt_process(process, what, error) : 0;
}

/* A file that a process has registered with io_uring: it stays open without a descriptor. */
typedef struct Registered {
        char name[256]; /* as fdinfo has it; nothing in /dev has a longer one */
        mode_t type;
        dev_t devnum;
        int error;
} Registered;

/* In memory that the child shares: see timed_call.h. */
typedef struct Ring {
        size_t size; /* of all this */
        int proc_fd;
        int root_fd;
        char pid[16];
        size_t n_files;
        Registered files[];
} Ring;

static void ring_free(Ring **ring) {
        if (*ring)
                timed_call_free(*ring, (*ring)->size);
}

#define _cleanup_ring_ _cleanup_(ring_free)

static Ring *ring_new(const Process *process, size_t max_files) {
        size_t size = sizeof(Ring) + max_files * sizeof(Registered);
        Ring *ring = timed_call_allocate(size);

        if (!ring)
                return NULL;
        ring->size = size;
        ring->proc_fd = process->walk->proc_fd;
        ring->root_fd = process->walk->inuse->root_fd;
        (void) snprintf(ring->pid, sizeof(ring->pid), "%s", process->pid);
        return ring;
}

static const char *base_of(const char *name) {
        const char *slash = strrchr(name, '/');

        return slash ? slash + 1 : name;
}

/* "socket:[4711]", "anon_inode:[eventpoll]", "/memfd:x": these have no node. */
static bool is_nameless(const char *name) {
        return (*name != '/' && strstr(name, ":[")) || STARTSWITH(name, "/memfd:") ||
               STREQ(name, "<none>");
}

/* The kernel gives names only (__io_uring_show_fdinfo(), 6.1): up to 6.6 the last component, later
 * the path as that process sees it. */
static int look_up_file(const Ring *ring, Registered *file) {
        char path[PATH_MAX];
        int r;

        if (*file->name == '/') {
                (void) snprintf(path, sizeof(path), "%s/root%s", ring->pid, file->name);
                r = file_stat_node(ring->proc_fd, path, 0, &file->type, &file->devnum);
                if (r >= 0)
                        return r;
        }
        (void) snprintf(path, sizeof(path), "%s/root/dev/%s", ring->pid, base_of(file->name));
        r = file_stat_node(ring->proc_fd, path, 0, &file->type, &file->devnum);
        if (r >= 0)
                return r;
        (void) snprintf(path, sizeof(path), "dev/%s", base_of(file->name));
        return file_stat_node(ring->root_fd, path, 0, &file->type, &file->devnum);
}

static void look_up_files(void *shared) {
        Ring *ring = shared;

        for (size_t i = 0; i < ring->n_files; i++)
                ring->files[i].error = look_up_file(ring, &ring->files[i]);
}

/* The name in a line "    0: /dev/nvme1n1", in place; NULL: another line. */
static char *parse_registered(char *line) {
        char *at = line + strspn(line, " ");

        if (!isdigit((unsigned char) *at))
                return NULL;
        at += strspn(at, "0123456789");
        return STARTSWITH(at, ": ") ? at + 2 : NULL;
}

/* The lines after "UserFiles:", and how many files the kernel counts there. NULL: the kernel has
 * left them out. */
static char *find_registered(char *text, unsigned *ret_n) {
        char *at = strstr(text, "\nUserFiles:\t"), *line;

        *ret_n = 0;
        if (!at)
                return NULL;
        *ret_n = (unsigned) strtoul(at + strlen("\nUserFiles:\t"), NULL, 10);
        line = strchr(at + 1, '\n');
        line = line ? line + 1 : at + strlen(at);
        return *ret_n > 0 && !isdigit((unsigned char) line[strspn(line, " ")]) ? NULL : line;
}

/* Reads fdinfo until the kernel has filled it in. *ret_lines points into *ret_text. */
static int read_fdinfo(int proc_fd, const char *path, char **ret_text, char **ret_lines,
                       unsigned *ret_n) {
        for (unsigned i = 0; i < READ_TRIES; i++) {
                _cleanup_free_ char *text = NULL;
                int r = file_read_all(proc_fd, path, FDINFO_MAX, &text);

                if (r < 0)
                        return r;
                *ret_lines = find_registered(text, ret_n);
                if (*ret_lines) {
                        *ret_text = TAKE_PTR(text);
                        return 0;
                }
                (void) sched_yield();
        }
        return -EBUSY;
}

static void add_registered(Ring *ring, char *lines, size_t max) {
        char *line;

        while ((line = strsep(&lines, "\n"))) {
                char *name = parse_registered(line);

                if (!name)
                        return;
                text_unescape(name);
                (void) text_cut_suffix(name, " (deleted)");
                if (is_nameless(name) || ring->n_files >= max)
                        continue;
                (void) snprintf(ring->files[ring->n_files++].name, sizeof(ring->files->name), "%s",
                                name);
        }
}

/* Files that the child does not get to keep the error that ended it. */
static void look_up_in_time(Ring *ring) {
        int r;

        for (size_t i = 0; i < ring->n_files; i++)
                ring->files[i].error = -ETIMEDOUT;
        r = timed_call(look_up_files, ring, LOOKUP_USEC);
        for (size_t i = 0; i < ring->n_files && r < 0; i++)
                if (ring->files[i].error == -ETIMEDOUT)
                        ring->files[i].error = r;
}

static bool is_missing(int error) {
        return error == -ENOENT || error == -ENOTDIR;
}

/* Only a whole path that leads nowhere is a doubt, as a deleted plain file and a deleted node look
 * the same. Most bare names (up to 6.6) are those of plain files outside of /dev. */
static int mark_registered(Process *process, const Registered *file) {
        Inuse *inuse = process->walk->inuse;
        size_t block;

        if (file->error == 0)
                return mark_node(process, file->type, file->devnum);
        block = topology_find_block(inuse->topology, base_of(file->name));
        if (block != TOPOLOGY_NONE)
                return mark_node(process, S_IFBLK, inuse->topology->blocks[block].devnum);
        if (*file->name != '/' && is_missing(file->error))
                return 0;
        return inuse_doubt(inuse, "%s, registered with io_uring by process %s: %s", file->name,
                           process->pid, strerror(-file->error));
}

/* files: "fd" or "task/4712/fd", next to which fdinfo is. */
static int read_ring(Process *process, const char *files, const char *name) {
        _cleanup_free_ char *text = NULL;
        _cleanup_ring_ Ring *ring = NULL;
        char path[128], *lines = NULL;
        unsigned n = 0;
        int r;

        (void) snprintf(path, sizeof(path), "%s/%sinfo/%.20s", process->pid, files, name);
        r = read_fdinfo(process->walk->proc_fd, path, &text, &lines, &n);
        if (r == -ENOENT || r == -ESRCH) /* it ended meanwhile */
                return 0;
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return inuse_doubt(process->walk->inuse, "/proc/%s: %s", path, strerror(-r));
        if (n == 0)
                return 0;
        ring = ring_new(process, n);
        if (!ring)
                return -ENOMEM;
        add_registered(ring, lines, n);
        if (ring->n_files > 0)
                look_up_in_time(ring);
        for (size_t i = 0; i < ring->n_files; i++) {
                r = mark_registered(process, &ring->files[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_ring(int dir_fd, const char *name) {
        char target[32];
        ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);

        target[n > 0 ? n : 0] = '\0';
        return STREQ(target, "anon_inode:[io_uring]");
}

static int read_file(Process *process, const char *files, int dir_fd, const char *name) {
        const Walk *walk = process->walk;
        dev_t devnum, on = 0;
        mode_t type;
        int r;

        r = file_stat(dir_fd, name, &type, &devnum, &on);
        if ((r < 0 || on == walk->anonymous) && is_ring(dir_fd, name))
                return read_ring(process, files, name);
        return r < 0 ? doubt_file(process, files, r) : mark_node(process, type, devnum);
}

static int read_files(Process *process, const char *files) {
        _cleanup_closedir_ DIR *dir = NULL;
        char path[64];
        const char *name;
        int r;

        (void) snprintf(path, sizeof(path), "%s/%s", process->pid, files);
        r = file_opendir(process->walk->proc_fd, path, &dir);
        if (r < 0)
                return doubt_process(process, files, r);
        while ((name = file_readdir(dir, &r))) {
                r = read_file(process, files, dirfd(dir), name);
                if (r < 0)
                        return r;
        }
        return r < 0 ? doubt_process(process, files, r) : 0;
}

static bool is_pid(const char *name) {
        return *name && name[strspn(name, "0123456789")] == '\0' && strlen(name) <= 10;
}

/* Whether the thread shares the leader's table of files; false, too, if the two can't be
 * compared. */
static bool has_same_files(const Process *process, const char *tid) {
        if (!process->walk->is_procfs)
                return false;
        return syscall(SYS_kcmp, strtol(process->pid, NULL, 10), strtol(tid, NULL, 10), KCMP_FILES,
                       0, 0) == 0;
}

/* The link count of /proc/PID/task tells the number of threads (proc_task_getattr(), 6.1). Most
 * processes have one, and the directory need not be listed. */
static bool has_threads(const Process *process) {
        char path[32];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s/task", process->pid);
        return fstatat(process->walk->proc_fd, path, &st, 0) >= 0 && st.st_nlink != 3;
}

/* Calls visit for each thread but the leader. Stops when visit returns other than 0, and returns
 * that. */
static int visit_threads(Process *process, int (*visit)(Process *process, const char *tid)) {
        _cleanup_closedir_ DIR *dir = NULL;
        char path[32];
        const char *tid;
        int r;

        if (!has_threads(process))
                return 0;
        (void) snprintf(path, sizeof(path), "%s/task", process->pid);
        r = file_opendir(process->walk->proc_fd, path, &dir);
        if (r < 0)
                return doubt_process(process, "task", r);
        while ((tid = file_readdir(dir, &r))) {
                if (!is_pid(tid) || STREQ(tid, process->pid))
                        continue;
                r = visit(process, tid);
                if (r != 0)
                        return r;
        }
        return r < 0 ? doubt_process(process, "task", r) : 0;
}

static int read_thread(Process *process, const char *tid) {
        char files[32];

        if (has_same_files(process, tid))
                return 0;
        (void) snprintf(files, sizeof(files), "task/%s/fd", tid);
        return read_files(process, files);
}

static int read_open_files(Process *process) {
        int r = read_files(process, "fd");

        return r < 0 ? r : visit_threads(process, read_thread);
}

static int compare_mapped(const void *a, const void *b) {
        const MappedFile *x = a, *y = b;

        if (x->inode != y->inode)
                return CMP(x->inode, y->inode);
        if (x->major != y->major)
                return CMP(x->major, y->major);
        return CMP(x->minor, y->minor);
}

/* Most processes map the same libraries: each is looked at once. */
static int remember_plain(Walk *walk, const MappedFile *file) {
        MappedFile *copy = malloc(sizeof(MappedFile));

        if (!copy)
                return -ENOMEM;
        *copy = *file;
        if (tsearch(copy, &walk->plain, compare_mapped))
                return 0;
        free(copy);
        return -ENOMEM;
}

/* A mapping that is no longer in map_files has changed meanwhile: only its path is left. */
static int mark_by_path(Process *process, char *path) {
        size_t block;
        int r;

        (void) text_cut_suffix(path, " (deleted)");
        r = inuse_find_node(process->walk->inuse, path, &block);
        if (r < 0)
                return doubt_file(process, "maps", r);
        return r == INUSE_NODE_BLOCK ? mark_block(process, block) : 0;
}

/* line: "7f00-7f01 rw-s 00000000 00:05 9   /dev/nvme1n1". Its numbers are those of the file system
 * that the file is on, so the file itself has to be looked at. */
static int mark_mapping(Process *process, const char *pid, char *line) {
        MappedFile file;
        uint64_t start, end;
        mode_t type;
        dev_t devnum;
        char path[64];
        int r, at = 0;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %x:%x %" SCNu64 " %n", &start, &end,
                   &file.major, &file.minor, &file.inode, &at) != 5 ||
            at == 0)
                return inuse_doubt(process->walk->inuse, "/proc/%s/maps: not understood", pid);
        if (file.inode == 0 || tfind(&file, &process->walk->plain, compare_mapped))
                return 0;
        (void) snprintf(path, sizeof(path), "%s/map_files/%" PRIx64 "-%" PRIx64, pid, start, end);
        r = file_stat_node(process->walk->proc_fd, path, 0, &type, &devnum);
        if (r == -ENOENT)
                return mark_by_path(process, line + at);
        if (r < 0)
                return doubt_file(process, "map_files", r);
        if (S_ISBLK(type) || S_ISCHR(type))
                return mark_node(process, type, devnum);
        return remember_plain(process->walk, &file);
}

/* Sets *ret_any if there was at least one line. */
static int read_maps(Process *process, const char *pid, bool *ret_any) {
        _cleanup_free_ char *text = NULL;
        char path[32], *rest, *line;
        int r;

        (void) snprintf(path, sizeof(path), "%s/maps", pid);
        r = file_read_all(process->walk->proc_fd, path, MAPS_MAX, &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return doubt_process(process, "maps", r);
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                if (!*line)
                        continue;
                *ret_any = true;
                r = mark_mapping(process, pid, line);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Returns 1 if the thread has mappings, as all threads share them; 0 if it has none; or -errno. */
static int read_maps_of_thread(Process *process, const char *tid) {
        bool any = false;
        int r = read_maps(process, tid, &any);

        return r < 0 ? r : any;
}

/* A leader that has ended has no memory any more, but its threads have (exit_mm(), 6.1). */
static int read_mappings(Process *process) {
        bool any = false;
        int r = read_maps(process, process->pid, &any);

        if (r < 0 || any)
                return r;
        r = visit_threads(process, read_maps_of_thread);
        return r < 0 ? r : 0;
}

static bool is_procfs(int proc_fd) {
        struct statfs st;

        return fstatfs(proc_fd, &st) >= 0 && st.f_type == PROC_SUPER_MAGIC;
}

/* The file system of all files without a name of their own. 0: not known. */
static dev_t find_anonymous(void) {
        _cleanup_close_ int fd = eventfd(0, EFD_CLOEXEC);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) >= 0 ? st.st_dev : 0;
}

static int walk_process(Walk *walk, const char *pid, int (*read)(Process *process)) {
        _cleanup_process_ Process process = { .walk = walk, .pid = pid };

        return read(&process);
}

static int walk_processes(Inuse *inuse, int (*read)(Process *process)) {
        _cleanup_walk_ Walk walk = { .inuse = inuse };
        char self[16];
        const char *name;
        int r;

        (void) snprintf(self, sizeof(self), "%d", getpid());
        r = file_opendir(inuse->root_fd, "proc", &walk.dir);
        if (r < 0)
                return inuse_doubt(inuse, "/proc: %s", strerror(-r));
        walk.proc_fd = dirfd(walk.dir);
        walk.is_procfs = is_procfs(walk.proc_fd);
        walk.anonymous = find_anonymous();
        while ((name = file_readdir(walk.dir, &r))) {
                /* In a recorded machine our own number is that of another process. */
                if (!is_pid(name) || (STREQ(name, self) && !recorded_is_root()))
                        continue;
                r = walk_process(&walk, name, read);
                if (r < 0)
                        return r;
        }
        return r < 0 ? inuse_doubt(inuse, "/proc: %s", strerror(-r)) : 0;
}

int inuse_read_open_files(Inuse *inuse) {
        return walk_processes(inuse, read_open_files);
}

int inuse_read_mappings(Inuse *inuse) {
        return walk_processes(inuse, read_mappings);
}
