/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Follows mounts down to a PCI address; see mount_guard.h. */

#include "inuse/mount_guard.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "tree/loop_backing.h"

#define MOUNTINFO "proc/self/mountinfo"
#define MOUNTINFO_MAX ((size_t) 64 * 1024 * 1024)
#define BTRFS "sys/fs/btrfs"
/* How many devices may stand on each other; the kernel's own limits are lower. */
#define DEPTH_MAX 16

typedef struct Guard {
        int root_fd;
        const char *address;
} Guard;

/* Each of the following returns 1 (leads to the address), 0 (does not) or -errno. */
static int number_leads(const Guard *guard, dev_t devnum, unsigned depth);

static bool has_component(const char *path, const char *component) {
        size_t length = strlen(component);

        for (const char *at = strstr(path, component); at; at = strstr(at + 1, component))
                if ((at == path || at[-1] == '/') && (at[length] == '/' || !at[length]))
                        return true;
        return false;
}

static int attribute_leads(const Guard *guard, const char *path, unsigned depth) {
        _cleanup_free_ char *text = NULL;
        dev_t devnum;
        int r;

        r = file_read(guard->root_fd, path, &text);
        if (r < 0)
                return r;
        r = parse_devnum(text, &devnum);
        if (r < 0)
                return r;
        return number_leads(guard, devnum, depth);
}

/* Whether any "<dir>/NAME/dev" leads to the address. A missing directory has no entries. */
static int entries_lead(const Guard *guard, const char *dir, unsigned depth) {
        _cleanup_closedir_ DIR *list = NULL;
        char path[PATH_MAX];
        const char *name;
        int r;

        r = file_opendir(guard->root_fd, dir, &list);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        while ((name = file_readdir(list, &r))) {
                if ((size_t) snprintf(path, sizeof(path), "%s/%s/dev", dir, name) >= sizeof(path))
                        return -ENAMETOOLONG;
                r = attribute_leads(guard, path, depth);
                if (r != 0)
                        return r;
        }
        return r;
}

/* Whether the controller's directory has a path node ("nvme0c1n2") of that head ("nvme0n2").
 * controller: path of the directory. */
static int has_path(const Guard *guard, const char *controller, const char *head) {
        _cleanup_closedir_ DIR *list = NULL;
        unsigned subsystem, instance, namespace;
        char of[64];
        const char *name;
        int r;

        r = file_opendir(guard->root_fd, controller, &list);
        if (r < 0)
                return file_is_gone(r) ? 0 : r;
        while ((name = file_readdir(list, &r))) {
                if (sscanf(name, "nvme%uc%un%u", &subsystem, &instance, &namespace) != 3)
                        continue;
                (void) snprintf(of, sizeof(of), "nvme%un%u", subsystem, namespace);
                if (STREQ(of, head))
                        return 1;
        }
        return r;
}

/* The directory of a subsystem has the multipath head and links to the controllers. The head leads
 * to the controllers that have a path to it; if none has one, it may lead to any of them. */
static int subsystem_leads(const Guard *guard, const char *subsystem, const char *head) {
        _cleanup_closedir_ DIR *list = NULL;
        bool is_known = false, is_listed = false;
        char path[PATH_MAX], target[PATH_MAX];
        const char *name;
        int r;

        r = file_opendir(guard->root_fd, subsystem, &list);
        if (r < 0)
                return r;
        while ((name = file_readdir(list, &r))) {
                bool is_ours;
                ssize_t n;

                if ((size_t) snprintf(path, sizeof(path), "%s/%s", subsystem, name) >= sizeof(path))
                        return -ENAMETOOLONG;
                n = readlinkat(guard->root_fd, path, target, sizeof(target) - 1);
                if (n < 0)
                        continue;
                target[n] = '\0';
                is_ours = has_component(target, guard->address);
                r = has_path(guard, path, head);
                if (r < 0 || (r > 0 && is_ours))
                        return r;
                is_known |= r > 0;
                is_listed |= is_ours;
        }
        return r < 0 ? r : is_listed && !is_known;
}

/* path: "/dev/..."; looking elsewhere could mean waiting for a file server. */
static int node_leads(const Guard *guard, const char *path, unsigned depth) {
        mode_t type;
        dev_t devnum;
        int r;

        if (!STARTSWITH(path, "/dev/"))
                return 0;
        r = file_stat_node(guard->root_fd, path + 1, 0, &type, &devnum);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        return S_ISBLK(type) ? number_leads(guard, devnum, depth) : 0;
}

/* disk: the path of the device's sysfs directory. The loop driver has to be asked: the path of the
 * backing file is that of another mount namespace (loop_backing.h). Not a loop device: 0. */
static int loop_leads(const Guard *guard, const char *name, const char *disk, unsigned depth) {
        _cleanup_free_ char *number = NULL;
        LoopBacking loop = {};
        char path[128];
        int r;

        (void) snprintf(path, sizeof(path), "%s/loop/backing_file", disk);
        if (faccessat(guard->root_fd, path, F_OK, 0) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (strlen(name) >= sizeof(loop.name))
                return -ENAMETOOLONG;
        memcpy(loop.name, name, strlen(name) + 1);
        r = file_read_at(guard->root_fd, disk, "dev", &number);
        if (r < 0)
                return r;
        r = parse_devnum(number, &loop.devnum);
        if (r < 0)
                return r;
        loop_backing_ask(guard->root_fd, &loop, 1);
        if (loop.error < 0)
                return loop.error;
        return loop.backing != 0 ? number_leads(guard, loop.backing, depth) : 0;
}

/* The disk's name at the end of a path in sysfs. Cuts a partition's own name off the path. */
static const char *disk_name(char *target, bool is_partition) {
        char *slash = strrchr(target, '/');

        if (is_partition && slash) {
                *slash = '\0';
                slash = strrchr(target, '/');
        }
        return slash ? slash + 1 : target;
}

/* link: "sys/dev/block/259:1"; target: what it links to. */
static int disk_leads(const Guard *guard, const char *link, char *target, unsigned depth) {
        bool is_partition, is_head = strstr(target, "/nvme-subsystem/") != NULL;
        char disk[80], path[96];
        const char *name;
        int r;

        (void) snprintf(path, sizeof(path), "%s/partition", link);
        is_partition = faccessat(guard->root_fd, path, F_OK, 0) == 0;
        name = disk_name(target, is_partition);
        (void) snprintf(disk, sizeof(disk), "%s%s", link, is_partition ? "/.." : "");
        (void) snprintf(path, sizeof(path), "%s/slaves", disk);
        r = entries_lead(guard, path, depth + 1);
        if (r != 0)
                return r;
        if (is_head) {
                (void) snprintf(path, sizeof(path), "%s/..", disk);
                r = subsystem_leads(guard, path, name);
                if (r != 0)
                        return r;
        }
        return loop_leads(guard, name, disk, depth + 1);
}

static int number_leads(const Guard *guard, dev_t devnum, unsigned depth) {
        char link[64], target[PATH_MAX];
        ssize_t n;

        if (depth > DEPTH_MAX)
                return -ELOOP;
        (void) snprintf(link, sizeof(link), "sys/dev/block/%u:%u", major(devnum), minor(devnum));
        n = readlinkat(guard->root_fd, link, target, sizeof(target) - 1);
        if (n < 0)
                return errno == ENOENT ? 0 : -errno;
        target[n] = '\0';
        if (has_component(target, guard->address))
                return 1;
        return disk_leads(guard, link, target, depth);
}

/* Cuts n words off the line and returns the last of them, or NULL if there are fewer. Only blanks separate
 * words: in a name the kernel escapes blanks, but not a carriage return or a form feed. */
static const char *cut_words(char **line, size_t n) {
        const char *word = NULL;

        while (n-- > 0)
                word = strsep(line, " ");
        return word;
}

/* "36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw" (proc(5)); changes the line. */
static int mount_leads(const Guard *guard, char *line, char *why, size_t why_size) {
        const char *number = cut_words(&line, 3), *point = cut_words(&line, 2), *word, *source;
        dev_t devnum;
        int r;

        /* The separator follows the six fields that are always there; one of them may be "-". */
        (void) cut_words(&line, 1);
        do
                word = cut_words(&line, 1);
        while (word && !STREQ(word, "-"));
        source = cut_words(&line, 2);
        if (!source || parse_devnum(number, &devnum) < 0)
                return -EBADMSG;
        r = number_leads(guard, devnum, 0);
        if (r == 0 && major(devnum) == 0)
                r = node_leads(guard, source, 0);
        if (r > 0)
                (void) snprintf(why, why_size, "%s on this controller is mounted on %s",
                                major(devnum) == 0 ? source : "a block device", point);
        return r;
}

/* The mount of a btrfs names only one of its members, and has an anonymous number. */
static int btrfs_leads(const Guard *guard, char *why, size_t why_size) {
        _cleanup_closedir_ DIR *list = NULL;
        char path[PATH_MAX];
        const char *name;
        int r;

        r = file_opendir(guard->root_fd, BTRFS, &list);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        while ((name = file_readdir(list, &r))) {
                (void) snprintf(path, sizeof(path), BTRFS "/%s/devices", name);
                r = entries_lead(guard, path, 0);
                if (r > 0)
                        (void) snprintf(why, why_size, "it has a member of the mounted btrfs %s",
                                        name);
                if (r != 0)
                        return r;
        }
        return r;
}

int mount_guard(int root_fd, const char *address, char *why, size_t why_size) {
        const Guard guard = { .root_fd = root_fd, .address = address };
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        int r;

        r = file_read_all(root_fd, MOUNTINFO, MOUNTINFO_MAX, &text);
        if (r < 0)
                return r;
        if (!*text)
                return -ENODATA;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                if (!*line)
                        continue;
                r = mount_leads(&guard, line, why, why_size);
                if (r != 0)
                        return r;
        }
        return btrfs_leads(&guard, why, why_size);
}
