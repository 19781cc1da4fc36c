/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses mountinfo and swaps; see tables.h. */

#include "inuse/tables.h"

#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/text.h"
#include "inuse/trees.h"

#define MOUNTINFO "proc/self/mountinfo"
#define SWAPS "proc/swaps"
#define TABLE_MAX ((size_t) 64 * 1024 * 1024)

typedef struct Mount {
        dev_t devnum;
        char *point;
        const char *type;
        const char *source;
} Mount;

/* The sources of / and /usr if these are btrfs: such a mount has an anonymous device number. */
typedef struct BtrfsRoots {
        dev_t *devnums;
        size_t n_devnums;
        bool is_unclear; /* one of the sources is not known */
} BtrfsRoots;

static void btrfs_roots_done(BtrfsRoots *roots) {
        free(roots->devnums);
}

#define _cleanup_btrfs_roots_ _cleanup_(btrfs_roots_done)

/* "36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw" (proc(5)); changes the line. */
static int mount_parse(char *line, Mount *ret) {
        Mount mount = {};
        char *fields[6], *field;

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
                fields[i] = strsep(&line, " ");
                if (!fields[i] || !*fields[i])
                        return -EINVAL;
        }
        do {
                field = strsep(&line, " ");
                if (!field)
                        return -EINVAL;
        } while (!STREQ(field, "-"));
        mount.point = fields[4];
        mount.type = strsep(&line, " ");
        mount.source = strsep(&line, " ");
        if (!mount.type || !*mount.type || !mount.source || mount.point[0] != '/' ||
            parse_devnum(fields[2], &mount.devnum) < 0)
                return -EINVAL;
        text_unescape(mount.point);
        *ret = mount;
        return 0;
}

static bool is_root(const Mount *mount) {
        return STREQ(mount->point, "/") || STREQ(mount->point, "/usr");
}

static int note_btrfs_root(Inuse *inuse, const Mount *mount, BtrfsRoots *roots) {
        mode_t type;
        dev_t devnum, *larger;

        if (!STREQ(mount->type, "btrfs") || !is_root(mount))
                return 0;
        if (!STARTSWITH(mount->source, "/dev/") ||
            file_stat_node(inuse->root_fd, mount->source + 1, 0, &type, &devnum) < 0 ||
            !S_ISBLK(type)) {
                roots->is_unclear = true;
                return 0;
        }
        larger = reallocarray(roots->devnums, roots->n_devnums + 1, sizeof(dev_t));
        if (!larger)
                return -ENOMEM;
        roots->devnums = larger;
        larger[roots->n_devnums++] = devnum;
        return 0;
}

/* systemd-shutdown (253 and later) moves a mount that it can't unmount to a path with a random
 * name, which would tell an admin nothing. In an exitrd that path lies below the old root. */
static bool is_moved(const Mount *mount) {
        return strstr(mount->point, "/run/shutdown/mounts/") != NULL;
}

static int raise_mount(Inuse *inuse, size_t block, const Mount *mount) {
        const char *name = inuse->topology->blocks[block].name;

        if (is_moved(mount))
                return inuse_raise(inuse, block, USE_MOUNT,
                                   "/dev/%s is mounted, systemd-shutdown could not unmount it",
                                   name);
        return inuse_raise(inuse, block, is_root(mount) ? USE_ROOT : USE_MOUNT,
                           "/dev/%s is mounted on %s", name, mount->point);
}

static size_t find_mounted(const Inuse *inuse, const Mount *mount) {
        size_t block = topology_find_devnum(inuse->topology, mount->devnum);

        if (block != TOPOLOGY_NONE || major(mount->devnum) != 0)
                return block;
        /* An anonymous number: only the source may tell the device. */
        return inuse_find_node(inuse, mount->source, &block) == INUSE_NODE_BLOCK ? block
                                                                                 : TOPOLOGY_NONE;
}

static int mark_mount(Inuse *inuse, const Mount *mount, BtrfsRoots *roots) {
        size_t block = find_mounted(inuse, mount);

        if (block != TOPOLOGY_NONE) {
                int r = raise_mount(inuse, block, mount);

                if (r < 0)
                        return r;
        }
        return note_btrfs_root(inuse, mount, roots);
}

static int read_mounts(Inuse *inuse, BtrfsRoots *roots) {
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        unsigned number = 0;
        int r;

        r = file_read_all(inuse->root_fd, MOUNTINFO, TABLE_MAX, &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return inuse_doubt(inuse, "/" MOUNTINFO ": %s", strerror(-r));
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                Mount mount;

                if (!*line && !rest)
                        break;
                number++;
                r = mount_parse(line, &mount) < 0
                            ? inuse_doubt(inuse, "/" MOUNTINFO ":%u: not understood", number)
                            : mark_mount(inuse, &mount, roots);
                if (r < 0)
                        return r;
        }
        return number == 0 ? inuse_doubt(inuse, "/" MOUNTINFO " is empty") : 0;
}

/* "/dev/dm-1 partition 1048572 0 -2"; changes the line. The mount below a swap file covers it. */
static int mark_swap(Inuse *inuse, char *line, unsigned number) {
        char *path = line, *type;
        size_t block;
        int r;

        line += strcspn(line, " \t");
        if (*line)
                *line++ = '\0';
        line += strspn(line, " \t");
        type = strsep(&line, " \t");
        if (path[0] != '/' || (!STREQ(type, "partition") && !STREQ(type, "file")))
                return inuse_doubt(inuse, "/" SWAPS ":%u: not understood", number);
        if (STREQ(type, "file"))
                return 0;
        text_unescape(path);
        (void) text_cut_suffix(path, " (deleted)");
        r = inuse_find_node(inuse, path, &block);
        if (r < 0)
                return inuse_doubt(inuse, "swap on %s: %s", path, strerror(-r));
        if (r != INUSE_NODE_BLOCK)
                return 0;
        return inuse_raise(inuse, block, USE_SWAP, "/dev/%s is used as swap",
                           inuse->topology->blocks[block].name);
}

static int read_swaps(Inuse *inuse) {
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        int r;

        r = file_read_all(inuse->root_fd, SWAPS, TABLE_MAX, &text);
        if (r == -ENOENT) /* a kernel without swap */
                return 0;
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return inuse_doubt(inuse, "/" SWAPS ": %s", strerror(-r));
        rest = text;
        line = strsep(&rest, "\n");
        if (!STARTSWITH(line, "Filename"))
                return inuse_doubt(inuse, "/" SWAPS ":1: not understood");
        for (unsigned number = 2; (line = strsep(&rest, "\n")); number++) {
                if (!*line && !rest)
                        break;
                r = mark_swap(inuse, line, number);
                if (r < 0)
                        return r;
        }
        return 0;
}

int inuse_read_tables(Inuse *inuse) {
        _cleanup_btrfs_roots_ BtrfsRoots roots = {};
        int r;

        r = read_mounts(inuse, &roots);
        if (r < 0)
                return r;
        r = read_swaps(inuse);
        if (r < 0)
                return r;
        r = inuse_read_btrfs(inuse, roots.devnums, roots.n_devnums, roots.is_unclear);
        if (r < 0)
                return r;
        return inuse_read_exports(inuse);
}
