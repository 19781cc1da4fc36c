/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* btrfs and configfs; see trees.h. */

#include "inuse/trees.h"

#include <limits.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/timed_call.h"

/* The directories on the way may be a file server's. */
#define LOOKUP_USEC USEC_PER_SEC

typedef struct Walk Walk;

/* A path pattern: "*" stands for each entry of a directory. */
struct Walk {
        Inuse *inuse;
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
        r = file_opendir(walk->inuse->root_fd, path, &dir);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return inuse_doubt(walk->inuse, "/%s: %s", path, strerror(-r));
        while ((name = file_readdir(dir, &r))) {
                r = walk_below(walk, path, name, pattern + 1);
                if (r < 0)
                        return r;
        }
        return r < 0 ? inuse_doubt(walk->inuse, "/%s: %s", path, strerror(-r)) : 0;
}

static const char *const every_entry[] = { "*", NULL };

/* Raises the kind for a btrfs if this member ("sys/fs/btrfs/UUID/devices/sda1") is where the root
 * comes from. Which member a mount names is the kernel's choice. */
static int find_root_member(Walk *walk, const char *path) {
        _cleanup_free_ char *text = NULL;
        dev_t devnum;
        int r;

        r = file_read_at(walk->inuse->root_fd, path, "dev", &text);
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
        size_t block = topology_find_block(walk->inuse->topology, name);

        if (block == TOPOLOGY_NONE)
                return 0;
        return inuse_raise(walk->inuse, block, walk->kind, "/dev/%s is a member of %s btrfs", name,
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

int inuse_read_btrfs(Inuse *inuse, const dev_t *roots, size_t n_roots, bool is_root_unclear) {
        static const char *const pattern[] = { "*", "devices", NULL };
        Walk walk = {
                .inuse = inuse,
                .visit = mark_btrfs,
                .roots = roots,
                .n_roots = n_roots,
                .is_root_unclear = is_root_unclear,
        };

        return walk_path(&walk, "sys/fs/btrfs", pattern);
}

static int mark_exported(Walk *walk, const char *attribute, size_t block) {
        return inuse_raise(walk->inuse, block, USE_TARGET, "/dev/%s is exported by /%s",
                           walk->inuse->topology->blocks[block].name, attribute);
}

typedef struct Lookup {
        int root_fd;
        char path[PATH_MAX];
        mode_t type;
        dev_t devnum;
        int error;
} Lookup;

static void look_up(void *shared) {
        Lookup *lookup = shared;

        lookup->error =
                file_stat_node(lookup->root_fd, lookup->path, 0, &lookup->type, &lookup->devnum);
}

/* A node can lie in any directory, and any directory can be a file server's: so a child looks. A
 * plain file is on a file system, whose mount or claim tells of it. */
static int mark_elsewhere(Walk *walk, const char *attribute, const char *device) {
        Inuse *inuse = walk->inuse;
        Lookup *lookup;
        size_t block;
        int r;

        if (inuse->doubt) /* it can't get any worse */
                return 0;
        lookup = timed_call_allocate(sizeof(Lookup));
        if (!lookup)
                return -ENOMEM;
        lookup->root_fd = inuse->root_fd;
        (void) snprintf(lookup->path, sizeof(lookup->path), "%s", device + 1);
        r = timed_call(look_up, lookup, LOOKUP_USEC);
        if (r >= 0)
                r = lookup->error;
        block = r >= 0 && S_ISBLK(lookup->type)
                        ? topology_find_devnum(inuse->topology, lookup->devnum)
                        : TOPOLOGY_NONE;
        timed_call_free(lookup, sizeof(Lookup));
        if (r < 0)
                return inuse_doubt(inuse, "exported %s: %s", device, strerror(-r));
        return block == TOPOLOGY_NONE ? 0 : mark_exported(walk, attribute, block);
}

/* What an attribute says is exported, in the words of the attribute: a path or a kernel's name. */
static int mark_path(Walk *walk, const char *attribute, const char *device) {
        Inuse *inuse = walk->inuse;
        InuseChar node;
        mode_t type;
        dev_t devnum;
        size_t block;
        int r;

        if (!*device || STREQ(device, "(null)"))
                return 0;
        if (*device == '/' && !STARTSWITH(device, "/dev/"))
                return mark_elsewhere(walk, attribute, device);
        if (*device != '/') { /* "nvme1n1", as ocfs2 has it */
                block = topology_find_block(inuse->topology, device);
                return block == TOPOLOGY_NONE ? 0 : mark_exported(walk, attribute, block);
        }
        r = inuse_find_node(inuse, device, &block);
        if (r < 0)
                return inuse_doubt(inuse, "exported %s: %s", device, strerror(-r));
        if (r == INUSE_NODE_BLOCK)
                return mark_exported(walk, attribute, block);
        /* nvmet passthru takes a controller: /dev/nvme0 */
        if (file_stat_node(inuse->root_fd, device + 1, 0, &type, &devnum) >= 0 && S_ISCHR(type) &&
            inuse_find_char(inuse, devnum, &node))
                return inuse_raise_char(inuse, &node, USE_TARGET, "an nvmet passthru export");
        return 0;
}

/* 1 and the text, or 0 where there is no such attribute. */
static int read_attribute(Walk *walk, const char *path, char **ret_text) {
        int r = file_read(walk->inuse->root_fd, path, ret_text);

        if (r >= 0)
                return 1;
        if (r == -ENOENT || r == -ENOTDIR || r == -ENODEV)
                return 0;
        return r == -ENOMEM ? r : inuse_doubt(walk->inuse, "/%s: %s", path, strerror(-r));
}

/* An attribute that holds the path of the exported device, "(null)" or nothing. What may follow on
 * further lines is SCST's. */
static int mark_target(Walk *walk, const char *path) {
        _cleanup_free_ char *text = NULL;
        int r = read_attribute(walk, path, &text);

        if (r <= 0)
                return r;
        text[strcspn(text, "\n")] = '\0';
        return mark_path(walk, path, text);
}

/* "        TCM FILEIO ID: 0        File: /dev/nvme1n1  Size: 67108864  Mode: ..." on the second
 * line (fd_show_configfs_dev_params(), 6.1): set up without udev_path nothing else names it, and
 * the kernel opens it without a claim. */
static int mark_fileio(Walk *walk, const char *path) {
        _cleanup_free_ char *text = NULL;
        char *file, *next, *end = NULL;
        int r = read_attribute(walk, path, &text);

        if (r <= 0)
                return r;
        file = strstr(text, "TCM FILEIO ID:");
        file = file ? strstr(file, "File: ") : NULL;
        if (!file)
                return 0;
        file += strlen("File: ");
        /* The path itself may hold such a word: the last one is the kernel's. */
        for (next = strstr(file, "  Size: "); next; next = strstr(next + 1, "  Size: "))
                end = next;
        if (!end)
                return inuse_doubt(walk->inuse, "/%s: not understood", path);
        *end = '\0';
        return mark_path(walk, path, file);
}

/* A directory that is named after the exported device, with '!' for '/'; its link block_dev leads
 * to the disk (rnbd_srv_create_dev_sysfs(), 6.1). */
static int mark_rnbd(Walk *walk, const char *path) {
        _cleanup_free_ char *disk = NULL;
        const char *name = strrchr(path, '/') + 1;
        size_t block = topology_find_block(walk->inuse->topology, name);
        int r;

        r = block == TOPOLOGY_NONE ? 0 : mark_exported(walk, path, block);
        if (r < 0)
                return r;
        r = file_link_name(walk->inuse->root_fd, path, "block_dev", &disk);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        block = topology_find_block(walk->inuse->topology, disk);
        return block == TOPOLOGY_NONE ? 0 : mark_exported(walk, path, block);
}

/* "103:1": major and minor number in hexadecimal (xen-blkback's physical_device). */
static int mark_xen(Walk *walk, const char *path) {
        _cleanup_free_ char *text = NULL;
        unsigned first, second;
        size_t block;
        int r = read_attribute(walk, path, &text);

        if (r <= 0 || !*text)
                return r < 0 ? r : 0;
        if (sscanf(text, "%x:%x", &first, &second) != 2)
                return inuse_doubt(walk->inuse, "/%s: not understood", path);
        block = topology_find_devnum(walk->inuse->topology, makedev(first, second));
        return block == TOPOLOGY_NONE ? 0 : mark_exported(walk, path, block);
}

/* Where each kind says what it uses. None of them claims it on the device, and none shows in
 * holders/; what does (iblock, md, dm, bcache, drbd, zram) needs no line here. */
static const struct {
        const char *root;
        const char *pattern[7];
        int (*visit)(Walk *walk, const char *path);
} target_table[] = {
        { "sys/kernel/config/nvmet/subsystems",
          { "*", "namespaces", "*", "device_path" },
          mark_target },
        { "sys/kernel/config/nvmet/subsystems", { "*", "passthru", "device_path" }, mark_target },
        { "sys/kernel/config/target/core", { "*", "*", "udev_path" }, mark_target },
        { "sys/kernel/config/target/core", { "*", "*", "info" }, mark_fileio },
        { "sys/kernel/config/usb_gadget", { "*", "functions", "*", "*", "file" }, mark_target },
        { "sys/class/udc", { "*", "device", "*", "*", "file" }, mark_target },
        { "sys/kernel/config/cluster", { "*", "heartbeat", "*", "dev" }, mark_target },
        { "sys/class/rnbd-server/ctl/devices", { "*" }, mark_rnbd },
        { "sys/bus/xen-backend/devices", { "*", "physical_device" }, mark_xen },
        { "sys/kernel/scst_tgt/devices", { "*", "filename" }, mark_target },
};

/* pblk (5.4 to 5.14) shows nowhere which drive it stands on. */
static int read_open_channel(Inuse *inuse) {
        for (size_t i = 0; i < inuse->topology->n_blocks; i++) {
                const Block *block = &inuse->topology->blocks[i];
                char path[PATH_MAX];
                int r;

                if (block->kind != BLOCK_NAMESPACE)
                        continue;
                (void) snprintf(path, sizeof(path), "sys/class/block/%s/lightnvm", block->name);
                if (!file_exists(inuse->root_fd, path))
                        continue;
                r = inuse_raise(inuse, i, USE_UNKNOWN,
                                "/dev/%s is an open-channel drive: a pblk may stand on it",
                                block->name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_loaded(const Inuse *inuse, const char *module) {
        char path[64];

        (void) snprintf(path, sizeof(path), "sys/module/%s", module);
        return file_exists(inuse->root_fd, path);
}

/* A target that was set up through configfs lives on when configfs is not mounted (any more). */
static int read_hidden_targets(Inuse *inuse) {
        static const char *const modules[] = { "nvmet", "target_core_file", "usb_f_mass_storage",
                                               "ocfs2_nodemanager" };
        _cleanup_closedir_ DIR *dir = NULL;
        int r;

        r = file_opendir(inuse->root_fd, "sys/kernel/config", &dir);
        if (r >= 0 && file_readdir(dir, &r))
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
                if (is_loaded(inuse, modules[i]))
                        return inuse_doubt(inuse,
                                           "%s is loaded, and configfs, which would tell what it "
                                           "uses, is not mounted",
                                           modules[i]);
        return 0;
}

int inuse_read_targets(Inuse *inuse) {
        Walk walk = { .inuse = inuse };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(target_table) && r >= 0; i++) {
                walk.visit = target_table[i].visit;
                r = walk_path(&walk, target_table[i].root, target_table[i].pattern);
        }
        /* bl_open_path() in fs/nfs/blocklayout/dev.c opens by name, claims nothing and shows
         * nothing. */
        if (r >= 0 && is_loaded(inuse, "blocklayoutdriver"))
                r = inuse_doubt(inuse, "a pNFS block layout is in use (blocklayoutdriver is "
                                       "loaded), and which drives it uses is not known");
        if (r >= 0)
                r = read_open_channel(inuse);
        return r < 0 ? r : read_hidden_targets(inuse);
}
