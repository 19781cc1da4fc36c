/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks over the directories; see trees.h. */

#include "inuse/trees.h"

#include <limits.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/timed_call.h"

/* The path may lie on a file server that does not answer. */
#define LOOKUP_USEC USEC_PER_SEC

typedef struct Walk Walk;

/* A walk along path patterns, in which "*" stands for each entry of a directory. */
struct Walk {
        Inuse *inuse;
        int (*visit)(Walk *walk, const char *path);
        /* The rest is for btrfs only: see inuse_read_btrfs(). */
        const dev_t *roots;
        size_t n_roots;
        bool is_root_unclear;
        UseKind kind; /* of the file system at hand */
};

static int walk_path(Walk *walk, const char *path, const char *const *pattern);

static int walk_below(Walk *walk, const char *dir, const char *name, const char *const *pattern) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/%s", dir, name) < 0)
                return -ENOMEM;
        return walk_path(walk, path, pattern);
}

/* Visits every path that path and the NULL-terminated pattern lead to, existing or not. */
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

static bool is_root_number(const Walk *walk, dev_t devnum) {
        for (size_t i = 0; i < walk->n_roots; i++)
                if (walk->roots[i] == devnum)
                        return true;
        return false;
}

/* Sets the kind to USE_ROOT if this member ("sys/fs/btrfs/UUID/devices/sda1") is the source of / or
 * /usr. The kernel chooses which member a mount names. A member without a number may be it. */
static int find_root_member(Walk *walk, const char *path) {
        _cleanup_free_ char *text = NULL;
        dev_t devnum;
        int r;

        r = file_read_at(walk->inuse->root_fd, path, "dev", &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || parse_devnum(text, &devnum) < 0) {
                if (walk->n_roots > 0)
                        walk->kind = USE_ROOT;
        } else if (is_root_number(walk, devnum))
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

/* In memory that the child shares: see timed_call.h. */
typedef struct Lookup {
        int root_fd;
        char path[PATH_MAX];
        mode_t type;
        dev_t devnum;
        int error;
} Lookup;

static void lookup_free(Lookup **lookup) {
        if (*lookup)
                timed_call_free(*lookup, sizeof(Lookup));
}

#define _cleanup_lookup_ _cleanup_(lookup_free)

static void look_up_node(void *shared) {
        Lookup *lookup = shared;

        lookup->error =
                file_stat_node(lookup->root_fd, lookup->path, 0, &lookup->type, &lookup->devnum);
}

/* A node can lie in any directory, and any directory can be on a file server: so a child looks. A
 * plain file is on a file system, whose mount or claim shows. */
static int mark_elsewhere(Walk *walk, const char *attribute, const char *device) {
        _cleanup_lookup_ Lookup *lookup = NULL;
        Inuse *inuse = walk->inuse;
        size_t block;
        int r;

        if (inuse->doubt) /* it can't get any worse */
                return 0;
        lookup = timed_call_allocate(sizeof(Lookup));
        if (!lookup)
                return -ENOMEM;
        lookup->root_fd = inuse->root_fd;
        (void) snprintf(lookup->path, sizeof(lookup->path), "%s", device + 1);
        r = timed_call(look_up_node, lookup, LOOKUP_USEC);
        if (r >= 0)
                r = lookup->error;
        if (r < 0)
                return inuse_doubt(inuse, "exported %s: %s", device, strerror(-r));
        if (!S_ISBLK(lookup->type))
                return 0;
        block = topology_find_devnum(inuse->topology, lookup->devnum);
        return block == TOPOLOGY_NONE ? 0 : mark_exported(walk, attribute, block);
}

/* device: the text of the attribute, which is a path or, for ocfs2, a kernel name ("nvme1n1"). */
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
        if (*device != '/') {
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

/* Returns 1 with the text; 0 if there is no such attribute, or if it has become a doubt. */
static int read_attribute(Walk *walk, const char *path, char **ret_text) {
        int r = file_read(walk->inuse->root_fd, path, ret_text);

        if (r >= 0)
                return 1;
        if (r == -ENOENT || r == -ENOTDIR || r == -ENODEV)
                return 0;
        return r == -ENOMEM ? r : inuse_doubt(walk->inuse, "/%s: %s", path, strerror(-r));
}

/* An attribute that holds the path of the exported device, "(null)" or nothing. SCST adds further
 * lines. */
static int mark_first_line(Walk *walk, const char *path) {
        _cleanup_free_ char *text = NULL;
        int r = read_attribute(walk, path, &text);

        if (r <= 0)
                return r;
        text[strcspn(text, "\n")] = '\0';
        return mark_path(walk, path, text);
}

/* The second line is "        TCM FILEIO ID: 0        File: /dev/nvme1n1  Size: 67108864  Mode: "
 * and so on (fd_show_configfs_dev_params(), 6.1). Nothing else names the device if it was set up
 * without udev_path, and the kernel opens it without a claim. */
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
        /* The path itself may contain "  Size: ": the kernel's own is the last one. */
        for (next = strstr(file, "  Size: "); next; next = strstr(next + 1, "  Size: "))
                end = next;
        if (!end)
                return inuse_doubt(walk->inuse, "/%s: not understood", path);
        *end = '\0';
        return mark_path(walk, path, file);
}

/* A directory whose name is that of the exported device, with '!' for '/'. Its link block_dev leads
 * to the disk (rnbd_srv_create_dev_sysfs(), 6.1). */
static int mark_rnbd(Walk *walk, const char *path) {
        _cleanup_free_ char *disk = NULL;
        const char *name = strrchr(path, '/') + 1;
        size_t block = topology_find_block(walk->inuse->topology, name);
        int r;

        if (block != TOPOLOGY_NONE) {
                r = mark_exported(walk, path, block);
                if (r < 0)
                        return r;
        }
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

        if (r <= 0)
                return r;
        if (!*text)
                return 0;
        if (sscanf(text, "%x:%x", &first, &second) != 2)
                return inuse_doubt(walk->inuse, "/%s: not understood", path);
        block = topology_find_devnum(walk->inuse->topology, makedev(first, second));
        return block == TOPOLOGY_NONE ? 0 : mark_exported(walk, path, block);
}

/* Where each kind of export names its devices. None of them claims the device or shows in holders/.
 * Kinds that do (iblock, md, dm, bcache, drbd, zram) need no line here. */
static const struct {
        const char *root;
        const char *pattern[7];
        int (*visit)(Walk *walk, const char *path);
} exports_table[] = {
        { "sys/kernel/config/nvmet/subsystems",
          { "*", "namespaces", "*", "device_path" },
          mark_first_line },
        { "sys/kernel/config/nvmet/subsystems",
          { "*", "passthru", "device_path" },
          mark_first_line },
        { "sys/kernel/config/target/core", { "*", "*", "udev_path" }, mark_first_line },
        { "sys/kernel/config/target/core", { "*", "*", "info" }, mark_fileio },
        { "sys/kernel/config/usb_gadget", { "*", "functions", "*", "*", "file" }, mark_first_line },
        { "sys/class/udc", { "*", "device", "*", "*", "file" }, mark_first_line },
        { "sys/kernel/config/cluster", { "*", "heartbeat", "*", "dev" }, mark_first_line },
        { "sys/class/rnbd-server/ctl/devices", { "*" }, mark_rnbd },
        { "sys/bus/xen-backend/devices", { "*", "physical_device" }, mark_xen },
        { "sys/kernel/scst_tgt/devices", { "*", "filename" }, mark_first_line },
};

/* No file shows which drive a pblk uses (5.4 to 5.14). */
static int mark_open_channel(Inuse *inuse) {
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
                                "/dev/%s is an open-channel drive: a pblk may use it", block->name);
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

/* An export that was set up through configfs lives on after configfs was unmounted. */
static int doubt_hidden_exports(Inuse *inuse) {
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
                                           "%s is loaded, but configfs, which lists the devices "
                                           "that it uses, is not mounted",
                                           modules[i]);
        return 0;
}

/* bl_open_path() in fs/nfs/blocklayout/dev.c opens devices by name without a claim, and no file
 * lists them. */
static int doubt_block_layouts(Inuse *inuse) {
        if (!is_loaded(inuse, "blocklayoutdriver"))
                return 0;
        return inuse_doubt(inuse,
                           "a pNFS block layout may use any drive (blocklayoutdriver is loaded)");
}

int inuse_read_exports(Inuse *inuse) {
        Walk walk = { .inuse = inuse };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(exports_table); i++) {
                walk.visit = exports_table[i].visit;
                r = walk_path(&walk, exports_table[i].root, exports_table[i].pattern);
                if (r < 0)
                        return r;
        }
        r = doubt_block_layouts(inuse);
        if (r < 0)
                return r;
        r = mark_open_channel(inuse);
        if (r < 0)
                return r;
        return doubt_hidden_exports(inuse);
}
