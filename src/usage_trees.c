/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* btrfs and configfs; see usage_trees.h. */

#include "usage_trees.h"

#include "fs.h"
#include "sysfs.h"

typedef struct Walk Walk;

/* A path pattern: "*" stands for each entry of a directory. */
struct Walk {
        Usage *usage;
        int (*visit)(Walk *walk, const char *path);
        const dev_t *roots; /* btrfs only, as the next two */
        size_t n_roots;
        bool is_root_unclear;
        UseKind kind;
};

static int walk_path(Walk *walk, const char *path, const char *const *pattern);

static int walk_below(Walk *walk, const char *dir, const char *name, const char *const *pattern) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s", dir, name) < 0)
                return -ENOMEM;
        return walk_path(walk, path, pattern);
}

/* Visits every path that dir and the NULL-terminated pattern lead to, existing or not. */
static int walk_path(Walk *walk, const char *path, const char *const *pattern) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        if (!*pattern)
                return walk->visit(walk, path);
        if (!STREQ(*pattern, "*"))
                return walk_below(walk, path, *pattern, pattern + 1);
        r = fs_opendir(walk->usage->root_fd, path, &dir);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return usage_doubt(walk->usage, "/%s: %s", path, strerror(-r));
        while ((name = fs_readdir(dir, &r))) {
                r = walk_below(walk, path, name, pattern + 1);
                if (r < 0)
                        return r;
        }
        return r < 0 ? usage_doubt(walk->usage, "/%s: %s", path, strerror(-r)) : 0;
}

static const char *const every_entry[] = { "*", NULL };

/* Raises the kind for a btrfs if this member ("sys/fs/btrfs/UUID/devices/sda1") is where the root
 * comes from. Which member a mount names is the kernel's choice. */
static int find_root_member(Walk *walk, const char *path) {
        _cleanup_free_ char *text = NULL;
        dev_t devnum;
        int r;

        r = sysfs_read_at(walk->usage->root_fd, path, "dev", &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || parse_devnum(text, &devnum) < 0)
                walk->kind = walk->n_roots > 0 ? USE_ROOT : walk->kind;
        else
                for (size_t i = 0; i < walk->n_roots; i++)
                        if (walk->roots[i] == devnum)
                                walk->kind = USE_ROOT;
        return 0;
}

static int mark_member(Walk *walk, const char *path) {
        const char *name = strrchr(path, '/') + 1;
        size_t block = topology_find_block(walk->usage->topology, name);

        if (block == TOPOLOGY_NONE)
                return 0;
        return usage_raise(walk->usage, block, walk->kind, "/dev/%s is a member of %s btrfs", name,
                           walk->kind == USE_ROOT ? "the root's" : "a mounted");
}

/* One mounted btrfs: "sys/fs/btrfs/UUID/devices". */
static int mark_btrfs(Walk *parent, const char *path) {
        Walk walk = *parent;
        int r;

        walk.kind = walk.is_root_unclear ? USE_ROOT : USE_BTRFS;
        walk.visit = find_root_member;
        r = walk_path(&walk, path, every_entry);
        if (r < 0)
                return r;
        walk.visit = mark_member;
        return walk_path(&walk, path, every_entry);
}

int usage_read_btrfs(Usage *usage, const dev_t *roots, size_t n_roots, bool is_root_unclear) {
        static const char *const pattern[] = { "*", "devices", NULL };
        Walk walk = {
                .usage = usage,
                .visit = mark_btrfs,
                .roots = roots,
                .n_roots = n_roots,
                .is_root_unclear = is_root_unclear,
        };

        return walk_path(&walk, "sys/fs/btrfs", pattern);
}

/* An attribute that holds the path of the exported device, "(null)" or nothing. */
static int mark_target(Walk *walk, const char *path) {
        _cleanup_free_ char *device = NULL;
        Usage *usage = walk->usage;
        UsageChar node;
        mode_t type;
        dev_t devnum;
        size_t block;
        int r;

        r = sysfs_read(usage->root_fd, path, &device);
        if (r == -ENOMEM)
                return r;
        if (r == -ENOENT || r == -ENOTDIR || r == -ENODEV)
                return 0;
        if (r < 0)
                return usage_doubt(usage, "/%s: %s", path, strerror(-r));
        r = usage_find_node(usage, device, &block);
        if (r < 0)
                return usage_doubt(usage, "exported %s: %s", device, strerror(-r));
        if (r == USAGE_NODE_BLOCK)
                return usage_raise(usage, block, USE_TARGET, "/dev/%s is exported by /%s",
                                   usage->topology->blocks[block].name, path);
        /* nvmet passthru takes a controller: /dev/nvme0 */
        if (STARTSWITH(device, "/dev/") &&
            fs_stat_node(usage->root_fd, device + 1, 0, &type, &devnum) >= 0 && S_ISCHR(type) &&
            usage_find_char(usage, devnum, &node))
                return usage_raise_char(usage, &node, USE_TARGET, "an nvmet passthru export");
        return 0;
}

int usage_read_targets(Usage *usage) {
        static const char *const namespaces[] = { "*", "namespaces", "*", "device_path", NULL };
        static const char *const passthru[] = { "*", "passthru", "device_path", NULL };
        static const char *const lio[] = { "*", "*", "udev_path", NULL };
        Walk walk = { .usage = usage, .visit = mark_target };
        int r;

        r = walk_path(&walk, "sys/kernel/config/nvmet/subsystems", namespaces);
        if (r >= 0)
                r = walk_path(&walk, "sys/kernel/config/nvmet/subsystems", passthru);
        if (r >= 0)
                r = walk_path(&walk, "sys/kernel/config/target/core", lio);
        return r;
}
