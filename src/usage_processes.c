/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Open files and mappings of live processes; see usage_processes.h. */

#include "usage_processes.h"

#include "fs.h"
#include "sysfs.h"
#include "text.h"

#define MAPS_MAX ((size_t) 256 * 1024 * 1024)

typedef struct Process {
        Usage *usage;
        const char *pid;
        int proc_fd;
        char *who; /* "qemu[4711]"; read when the first device is met */
} Process;

static int process_who(Process *process) {
        _cleanup_free_ char *comm = NULL;
        int r;

        if (process->who)
                return 0;
        r = sysfs_read_at(process->proc_fd, process->pid, "comm", &comm);
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
        int r = process_who(process);

        if (r < 0)
                return r;
        return usage_raise(process->usage, block, USE_OPEN, "/dev/%s is open in %s",
                           process->usage->topology->blocks[block].name, process->who);
}

static int mark_node(Process *process, mode_t type, dev_t devnum) {
        UsageChar node;
        size_t block;
        int r;

        if (S_ISBLK(type)) {
                block = topology_find_devnum(process->usage->topology, devnum);
                return block == TOPOLOGY_NONE ? 0 : mark_block(process, block);
        }
        if (!S_ISCHR(type) || !usage_find_char(process->usage, devnum, &node))
                return 0;
        r = process_who(process);
        if (r < 0)
                return r;
        return usage_raise_char(process->usage, &node, USE_OPEN, process->who);
}

static int doubt(Process *process, const char *what, int error) {
        if (error == -ENOENT || error == -ESRCH) /* it ended meanwhile */
                return 0;
        return usage_doubt(process->usage, "/proc/%s/%s: %s", process->pid, what, strerror(-error));
}

/* One file that can't be looked at: -EIO or -ENOTCONN come from file systems, never from a node. */
static int doubt_file(Process *process, const char *what, int error) {
        return error == -EACCES || error == -EPERM ? doubt(process, what, error) : 0;
}

static int read_fds(Process *process) {
        _cleanup_closedir_ DIR *dir = NULL;
        char path[64];
        const char *name;
        int r;

        (void) snprintf(path, sizeof(path), "%s/fd", process->pid);
        r = fs_opendir(process->proc_fd, path, &dir);
        if (r < 0)
                return doubt(process, "fd", r);
        while ((name = fs_readdir(dir, &r))) {
                mode_t type;
                dev_t devnum;

                r = fs_stat_node(dirfd(dir), name, 0, &type, &devnum);
                r = r < 0 ? doubt_file(process, "fd", r) : mark_node(process, type, devnum);
                if (r < 0)
                        return r;
        }
        return r < 0 ? doubt(process, "fd", r) : 0;
}

/* One path out of maps: a device may stay mapped when its descriptor has long been closed. */
static int mark_mapping(Process *process, char *path) {
        size_t block;
        int r;

        (void) text_cut_suffix(path, " (deleted)");
        r = usage_find_node(process->usage, path, &block);
        if (r < 0)
                return doubt_file(process, "maps", r);
        return r == USAGE_NODE_BLOCK ? mark_block(process, block) : 0;
}

static int read_maps(Process *process) {
        _cleanup_free_ char *text = NULL;
        char path[64], *at;
        int r;

        (void) snprintf(path, sizeof(path), "%s/maps", process->pid);
        r = sysfs_read_all(process->proc_fd, path, MAPS_MAX, &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return doubt(process, "maps", r);
        for (at = strstr(text, " /dev/"); at; at = strstr(at, " /dev/")) {
                char *end = strchrnul(at, '\n');
                bool is_last = *end == '\0';

                *end = '\0';
                r = mark_mapping(process, at + 1);
                if (r < 0 || is_last)
                        return r;
                at = end + 1;
        }
        return 0;
}

static int read_process(Usage *usage, int proc_fd, const char *pid) {
        Process process = { .usage = usage, .pid = pid, .proc_fd = proc_fd };
        int r;

        r = read_fds(&process);
        if (r >= 0)
                r = read_maps(&process);
        free(process.who);
        return r;
}

static bool is_pid(const char *name) {
        return *name && name[strspn(name, "0123456789")] == '\0' && strlen(name) <= 10;
}

int usage_read_processes(Usage *usage) {
        _cleanup_closedir_ DIR *dir = NULL;
        char self[16];
        const char *name;
        int r;

        (void) snprintf(self, sizeof(self), "%d", getpid());
        r = fs_opendir(usage->root_fd, "proc", &dir);
        if (r < 0)
                return usage_doubt(usage, "/proc: %s", strerror(-r));
        while ((name = fs_readdir(dir, &r))) {
                if (!is_pid(name) || STREQ(name, self))
                        continue;
                r = read_process(usage, dirfd(dir), name);
                if (r < 0)
                        return r;
        }
        return r < 0 ? usage_doubt(usage, "/proc: %s", strerror(-r)) : 0;
}
