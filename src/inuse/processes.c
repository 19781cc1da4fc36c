/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The walks over /proc; see processes.h. */

#include "inuse/processes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <linux/magic.h>
#include <search.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/recorded.h"
#include "base/text.h"
#include "inuse/rings.h"

#define MAPS_MAX ((size_t) 256 * 1024 * 1024)

/* One walk over all processes. */
typedef struct Walk {
        Usage *usage;
        int proc_fd;
        bool is_procfs;  /* and not a directory that stands for it, whose numbers mean nothing here
                          */
        dev_t anonymous; /* the file system that rings are on (anon_inode_getfile()) */
        void *plain;     /* a tree of MappedFile: files that are no device */
} Walk;

typedef struct Process {
        Walk *walk;
        const char *pid;
        char *who; /* "qemu[4711]"; read when the first device is met */
} Process;

typedef struct MappedFile {
        unsigned major, minor;
        uint64_t inode;
} MappedFile;

static int process_who(Process *process) {
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
        Usage *usage = process->walk->usage;
        int r = process_who(process);

        if (r < 0)
                return r;
        return usage_raise(usage, block, USE_OPEN, "/dev/%s is open in %s",
                           usage->topology->blocks[block].name, process->who);
}

static int mark_node(Process *process, mode_t type, dev_t devnum) {
        Usage *usage = process->walk->usage;
        UsageChar node;
        size_t block;
        int r;

        if (S_ISBLK(type)) {
                block = topology_find_devnum(usage->topology, devnum);
                return block == TOPOLOGY_NONE ? 0 : mark_block(process, block);
        }
        if (!S_ISCHR(type) || !usage_find_char(usage, devnum, &node))
                return 0;
        r = process_who(process);
        if (r < 0)
                return r;
        return usage_raise_char(usage, &node, USE_OPEN, process->who);
}

static int doubt(Process *process, const char *what, int error) {
        if (error == -ENOENT || error == -ESRCH) /* it ended meanwhile */
                return 0;
        return usage_doubt(process->walk->usage, "/proc/%s/%s: %s", process->pid, what,
                           strerror(-error));
}

/* One file that can't be looked at: -EIO or -ENOTCONN come from file systems, never from a node. */
static int doubt_file(Process *process, const char *what, int error) {
        return error == -EACCES || error == -EPERM ? doubt(process, what, error) : 0;
}

static int mark_registered(void *userdata, mode_t type, dev_t devnum) {
        return mark_node(userdata, type, devnum);
}

/* files: "fd" or "task/4712/fd", beside which fdinfo stands. */
static int read_ring(Process *process, const char *files, const char *name) {
        const Walk *walk = process->walk;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/%sinfo/%.20s", process->pid, files, name);
        return usage_rings_read(walk->usage, walk->proc_fd, process->pid, path, mark_registered,
                                process);
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
                return doubt(process, files, r);
        while ((name = file_readdir(dir, &r))) {
                r = read_file(process, files, dirfd(dir), name);
                if (r < 0)
                        return r;
        }
        return r < 0 ? doubt(process, files, r) : 0;
}

static bool is_pid(const char *name) {
        return *name && name[strspn(name, "0123456789")] == '\0' && strlen(name) <= 10;
}

/* Whether both threads use one table of files. One that can't be compared is read. */
static bool has_same_files(const Process *process, const char *tid) {
        if (!process->walk->is_procfs)
                return false;
        return syscall(SYS_kcmp, strtol(process->pid, NULL, 10), strtol(tid, NULL, 10), KCMP_FILES,
                       0, 0) == 0;
}

/* The directory's link count tells how many threads there are (proc_task_getattr(), 6.1): for most
 * processes that is one, and nothing has to be listed. */
static bool has_threads(const Process *process) {
        char path[32];
        struct stat st;

        (void) snprintf(path, sizeof(path), "%s/task", process->pid);
        return fstatat(process->walk->proc_fd, path, &st, 0) >= 0 && st.st_nlink != 3;
}

/* Calls visit for each thread but the leader. Stops at a value other than 0, and returns it. */
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
                return doubt(process, "task", r);
        while ((tid = file_readdir(dir, &r))) {
                if (!is_pid(tid) || STREQ(tid, process->pid))
                        continue;
                r = visit(process, tid);
                if (r != 0)
                        return r;
        }
        return r < 0 ? doubt(process, "task", r) : 0;
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
                return x->inode < y->inode ? -1 : 1;
        if (x->major != y->major)
                return x->major < y->major ? -1 : 1;
        return (x->minor > y->minor) - (x->minor < y->minor);
}

/* The same libraries are mapped everywhere: each is looked at once. */
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

/* A mapping that is not in map_files any more was changed meanwhile: only its path is left. */
static int mark_by_path(Process *process, char *path) {
        size_t block;
        int r;

        (void) text_cut_suffix(path, " (deleted)");
        r = usage_find_node(process->walk->usage, path, &block);
        if (r < 0)
                return doubt_file(process, "maps", r);
        return r == USAGE_NODE_BLOCK ? mark_block(process, block) : 0;
}

/* "7f00-7f01 rw-s 00000000 00:05 9   /dev/nvme1n1": the numbers are those of the file system that
 * the file is on, so the file itself has to be looked at. */
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
                return usage_doubt(process->walk->usage, "/proc/%s/maps: not understood", pid);
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

/* *ret_any: there was at least one line. */
static int read_maps(Process *process, const char *pid, bool *ret_any) {
        _cleanup_free_ char *text = NULL;
        char path[32], *rest, *line;
        int r;

        (void) snprintf(path, sizeof(path), "%s/maps", pid);
        r = file_read_all(process->walk->proc_fd, path, MAPS_MAX, &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return doubt(process, "maps", r);
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

/* 1: this one has told of all mappings, which all threads share. */
static int read_maps_of_thread(Process *process, const char *tid) {
        bool any = false;
        int r = read_maps(process, tid, &any);

        return r < 0 ? r : any;
}

/* A leader that has ended has no memory any more, its threads have (exit_mm(), 6.1). */
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

/* Where all files without a name of their own are. 0: not known. */
static dev_t find_anonymous(void) {
        _cleanup_close_ int fd = eventfd(0, EFD_CLOEXEC);
        struct stat st;

        return fd >= 0 && fstat(fd, &st) >= 0 ? st.st_dev : 0;
}

static int walk_processes(Usage *usage, int (*read)(Process *process)) {
        _cleanup_closedir_ DIR *dir = NULL;
        Walk walk = { .usage = usage };
        char self[16];
        const char *name;
        int r;

        (void) snprintf(self, sizeof(self), "%d", getpid());
        r = file_opendir(usage->root_fd, "proc", &dir);
        if (r < 0)
                return usage_doubt(usage, "/proc: %s", strerror(-r));
        walk.proc_fd = dirfd(dir);
        walk.is_procfs = is_procfs(walk.proc_fd);
        walk.anonymous = find_anonymous();
        while ((name = file_readdir(dir, &r))) {
                Process process = { .walk = &walk, .pid = name };

                /* In a recorded machine our own number is that of another process. */
                if (!is_pid(name) || (STREQ(name, self) && !recorded_is_root()))
                        continue;
                r = read(&process);
                free(process.who);
                if (r < 0)
                        break;
        }
        tdestroy(walk.plain, free);
        if (r == -ENOMEM)
                return r;
        return r < 0 ? usage_doubt(usage, "/proc: %s", strerror(-r)) : 0;
}

int usage_read_open_files(Usage *usage) {
        return walk_processes(usage, read_open_files);
}

int usage_read_mappings(Usage *usage) {
        return walk_processes(usage, read_mappings);
}
