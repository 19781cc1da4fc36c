/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block devices of a topology; see device_blocks.h. */

#include "device_blocks.h"

#include <fcntl.h>

#include "fs.h"
#include "sysfs.h"

static void block_entry_done(BlockEntry *entry) {
        free(entry->name);
        free(entry->dir);
        free(entry->backing);
}

void block_list_done(BlockList *list) {
        for (size_t i = 0; i < list->n_entries; i++)
                block_entry_done(&list->entries[i]);
        free(list->entries);
        free(list->doubt);
        *list = BLOCK_LIST_INIT;
}

static const char *base_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static bool is_gone(int r) {
        return r == -ENOENT || r == -ENODEV || r == -ENXIO || r == -ENOTDIR;
}

/* 0 where the attribute can't be read: usage takes such a block for used. */
static int read_devnum(int root_fd, const char *dir, dev_t *ret_devnum) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = sysfs_read_at(root_fd, dir, "dev", &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || parse_devnum(text, ret_devnum) < 0)
                *ret_devnum = 0;
        return 0;
}

/* Path nodes of a native multipath head: "nvme0c1n1" (nvme_mpath_set_disk_name(), 6.1), the only
 * disks that the driver hides; old kernels have no attribute `hidden`. */
static bool is_path_node(const char *name) {
        unsigned subsystem, controller, namespace;

        return sscanf(name, "nvme%uc%un%u", &subsystem, &controller, &namespace) == 3;
}

static int read_backing(BlockList *list, int root_fd, const char *syspath, BlockEntry *entry) {
        mode_t type;
        dev_t devnum;
        int r;

        r = sysfs_read_at(root_fd, syspath, "loop/backing_file", &entry->backing);
        if (r < 0 && is_gone(r))
                return 0;
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                free(list->doubt);
                if (asprintf(&list->doubt, "backing file of /dev/%s: %s", entry->name,
                             strerror(-r)) < 0) {
                        list->doubt = NULL;
                        return -ENOMEM;
                }
                return 0;
        }
        /* Elsewhere than in /dev a look could mean waiting for a file server. */
        if (STARTSWITH(entry->backing, "/dev/") &&
            fs_stat_node(root_fd, entry->backing + 1, 0, &type, &devnum) >= 0 && S_ISBLK(type))
                entry->backing_devnum = devnum;
        return 0;
}

static int block_entry_read(BlockList *list, int root_fd, const char *syspath, BlockEntry *entry) {
        _cleanup_free_ char *partition = NULL;
        int r;

        entry->name = strdup(base_name(syspath));
        entry->dir = strndup(syspath, (size_t) (base_name(syspath) - syspath - 1));
        if (!entry->name || !entry->dir)
                return -ENOMEM;
        r = read_devnum(root_fd, syspath, &entry->devnum);
        if (r < 0)
                return r;
        r = sysfs_read_at(root_fd, syspath, "partition", &partition);
        if (r == -ENOMEM)
                return r;
        entry->is_partition = r >= 0;
        entry->is_hidden = is_path_node(entry->name);
        if (STARTSWITH(entry->name, "loop"))
                return read_backing(list, root_fd, syspath, entry);
        return 0;
}

int block_list_add(BlockList *list, int root_fd, const char *syspath) {
        BlockEntry entry = {}, *larger;
        int r;

        if (!strchr(syspath, '/') || faccessat(root_fd, syspath, F_OK, 0) < 0)
                return 0;
        larger = reallocarray(list->entries, list->n_entries + 1, sizeof(BlockEntry));
        if (!larger)
                return -ENOMEM;
        list->entries = larger;
        r = block_entry_read(list, root_fd, syspath, &entry);
        if (r < 0) {
                block_entry_done(&entry);
                return r;
        }
        list->entries[list->n_entries++] = entry;
        return 0;
}

static const BlockEntry *block_list_find(const BlockList *list, const char *name) {
        for (size_t i = 0; i < list->n_entries; i++)
                if (STREQ(list->entries[i].name, name))
                        return &list->entries[i];
        return NULL;
}

static int link_to(Topology *topology, const BlockEntry *entry, const char *controller) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *device = &topology->devices[i];
                size_t block;

                if (device->kind != DEVICE_CONTROLLER ||
                    !STREQ(device->controller->name, controller))
                        continue;
                block = topology_find_block(topology, entry->name);
                if (block == TOPOLOGY_NONE) {
                        ssize_t added = topology_add_block(topology, BLOCK_NAMESPACE, entry->name,
                                                           entry->devnum);

                        if (added < 0)
                                return (int) added;
                        block = (size_t) added;
                }
                return topology_link_controller(topology, block, i);
        }
        return 0;
}

/* The directory above a disk is its controller's own or, for a multipath head, the subsystem's, in
 * which each of its controllers has a link. */
static int link_namespace(int root_fd, Topology *topology, const BlockEntry *entry) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        if (!STARTSWITH(base_name(entry->dir), "nvme"))
                return 0;
        if (!STARTSWITH(base_name(entry->dir), "nvme-subsys"))
                return link_to(topology, entry, base_name(entry->dir));
        r = fs_opendir(root_fd, entry->dir, &dir);
        if (r < 0)
                return is_gone(r) ? 0 : r;
        while ((name = fs_readdir(dir, &r))) {
                r = link_to(topology, entry, name);
                if (r < 0)
                        return r;
        }
        return r;
}

static int link_user(const BlockList *list, int root_fd, Topology *topology, size_t block,
                     BlockKind kind, const char *name) {
        size_t user = topology_find_block(topology, name);

        if (user == TOPOLOGY_NONE) {
                const BlockEntry *entry = block_list_find(list, name);
                dev_t devnum = entry ? entry->devnum : 0;
                ssize_t added;

                if (!entry) { /* younger than the list */
                        _cleanup_free_ char *dir = NULL;
                        int r;

                        if (asprintf(&dir, "sys/class/block/%s", name) < 0)
                                return -ENOMEM;
                        r = read_devnum(root_fd, dir, &devnum);
                        if (r < 0)
                                return r;
                }
                added = topology_add_block(topology, kind, name, devnum);
                if (added < 0)
                        return (int) added;
                user = (size_t) added;
        }
        return topology_link_user(topology, block, user);
}

static int link_partitions(const BlockList *list, int root_fd, Topology *topology, size_t block) {
        for (size_t i = 0; i < list->n_entries; i++) {
                const BlockEntry *entry = &list->entries[i];
                int r;

                if (!entry->is_partition ||
                    !STREQ(base_name(entry->dir), topology->blocks[block].name))
                        continue;
                r = link_user(list, root_fd, topology, block, BLOCK_PARTITION, entry->name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int doubt_holders(Topology *topology, size_t block, int error) {
        Block *b = &topology->blocks[block];
        char *detail;

        if (asprintf(&detail, "holders of /dev/%s: %s", b->name, strerror(-error)) < 0)
                return -ENOMEM;
        use_raise(&b->use, USE_UNKNOWN, detail);
        return 0;
}

static int link_holders(const BlockList *list, int root_fd, Topology *topology, size_t block) {
        _cleanup_free_ char *path = NULL;
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        if (asprintf(&path, "sys/class/block/%s/holders", topology->blocks[block].name) < 0)
                return -ENOMEM;
        r = fs_opendir(root_fd, path, &dir);
        if (r < 0)
                return is_gone(r) ? 0 : doubt_holders(topology, block, r);
        while ((name = fs_readdir(dir, &r))) {
                r = link_user(list, root_fd, topology, block, BLOCK_HOLDER, name);
                if (r < 0)
                        return r;
        }
        return r < 0 ? doubt_holders(topology, block, r) : 0;
}

/* A loop device on a raw device is no holder to the kernel and claims nothing; only its backing
 * file tells. Where the node can't be looked at ("/dev/nvme0n1 (deleted)", a chroot's /dev) its
 * name does. */
static bool is_backed_by(const BlockEntry *loop, const Block *block) {
        const char *dev, *next;
        size_t n;

        if (!loop->backing)
                return false;
        if (loop->backing_devnum != 0 && block->devnum != 0)
                return loop->backing_devnum == block->devnum;
        dev = strstr(loop->backing, "/dev/");
        while (dev && (next = strstr(dev + 1, "/dev/")))
                dev = next;
        n = strlen(block->name);
        return dev && strncmp(dev + 5, block->name, n) == 0 &&
               (dev[5 + n] == '\0' || dev[5 + n] == ' ');
}

static int link_loops(const BlockList *list, int root_fd, Topology *topology, size_t block) {
        for (size_t i = 0; i < list->n_entries; i++) {
                int r;

                if (!is_backed_by(&list->entries[i], &topology->blocks[block]))
                        continue;
                r = link_user(list, root_fd, topology, block, BLOCK_HOLDER, list->entries[i].name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int spread_doubt(const BlockList *list, Topology *topology) {
        for (size_t i = 0; list->doubt && i < topology->n_blocks; i++) {
                char *detail;

                if (topology->blocks[i].kind != BLOCK_NAMESPACE)
                        continue;
                detail = strdup(list->doubt);
                if (!detail)
                        return -ENOMEM;
                use_raise(&topology->blocks[i].use, USE_UNKNOWN, detail);
        }
        return 0;
}

int block_list_link(BlockList *list, int root_fd, Topology *topology) {
        int r = 0;

        for (size_t i = 0; i < list->n_entries && r >= 0; i++)
                if (!list->entries[i].is_partition && !list->entries[i].is_hidden)
                        r = link_namespace(root_fd, topology, &list->entries[i]);
        /* The list grows while it is walked; each block is added once, so that a cycle ends. */
        for (size_t i = 0; i < topology->n_blocks && r >= 0; i++) {
                r = link_partitions(list, root_fd, topology, i);
                if (r >= 0)
                        r = link_holders(list, root_fd, topology, i);
                if (r >= 0)
                        r = link_loops(list, root_fd, topology, i);
        }
        return r < 0 ? r : spread_doubt(list, topology);
}
