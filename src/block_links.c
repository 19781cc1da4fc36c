/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block devices of a topology; see block_links.h. */

#include "block_links.h"

#include "fs.h"
#include "sysfs.h"

#define DEV "/dev/"

/* What the list and the topology are asked for again and again, each in an order of its own. */
typedef struct Linker {
        const BlockList *list;
        int root_fd;
        Topology *topology;
        TopologyIndex index;           /* controllers; the list's entries by name */
        const BlockEntry **partitions; /* by the name of their disk */
        size_t n_partitions;
        const BlockEntry **loops; /* those that may stand on a device node, by its number */
        size_t n_loops;
} Linker;

static void linker_done(Linker *linker) {
        topology_index_done(&linker->index);
        free(linker->partitions);
        free(linker->loops);
}

static int compare_disks(const void *a, const void *b) {
        return strcmp((*(const BlockEntry *const *) a)->parent,
                      (*(const BlockEntry *const *) b)->parent);
}

static int compare_backings(const void *a, const void *b) {
        dev_t x = (*(const BlockEntry *const *) a)->backing_devnum;
        dev_t y = (*(const BlockEntry *const *) b)->backing_devnum;

        return x < y ? -1 : x > y;
}

/* The position of the first entry that is not before key. */
static size_t find_first(const BlockEntry *const *entries, size_t n, const BlockEntry *key,
                         int (*compare)(const void *, const void *)) {
        size_t low = 0;

        while (low < n) {
                size_t middle = low + (n - low) / 2;

                if (compare(&entries[middle], &key) < 0)
                        low = middle + 1;
                else
                        n = middle;
        }
        return low;
}

static int index_controllers(Linker *linker) {
        int r = 0;

        for (size_t i = 0; i < linker->topology->n_devices && r >= 0; i++) {
                const Device *device = &linker->topology->devices[i];

                if (device->kind == DEVICE_CONTROLLER)
                        r = topology_index_add_controller(&linker->index, device->controller->name,
                                                          i);
        }
        return r;
}

static int linker_init(Linker *linker) {
        const BlockList *list = linker->list;
        int r;

        linker->partitions = calloc(list->n_entries + 1, sizeof(BlockEntry *));
        linker->loops = calloc(list->n_entries + 1, sizeof(BlockEntry *));
        if (!linker->partitions || !linker->loops)
                return -ENOMEM;
        r = index_controllers(linker);
        for (size_t i = 0; i < list->n_entries && r >= 0; i++) {
                const BlockEntry *entry = &list->entries[i];

                r = topology_index_add_block(&linker->index, entry->name, entry->devnum, i);
                if (entry->is_partition)
                        linker->partitions[linker->n_partitions++] = entry;
                if (entry->backing_devnum != 0 || (entry->backing && strstr(entry->backing, DEV)))
                        linker->loops[linker->n_loops++] = entry;
        }
        qsort(linker->partitions, linker->n_partitions, sizeof(BlockEntry *), compare_disks);
        qsort(linker->loops, linker->n_loops, sizeof(BlockEntry *), compare_backings);
        return r;
}

static int link_to(Linker *linker, const BlockEntry *entry, const char *controller) {
        size_t device = topology_index_find_controller(&linker->index, controller), block;

        if (device == TOPOLOGY_NONE)
                return 0;
        block = topology_find_block(linker->topology, entry->name);
        if (block == TOPOLOGY_NONE) {
                ssize_t added = topology_add_block(linker->topology, BLOCK_NAMESPACE, entry->name,
                                                   entry->devnum);

                if (added < 0)
                        return (int) added;
                block = (size_t) added;
        }
        return topology_link_controller(linker->topology, block, device);
}

/* The directory above a disk is its controller's own or, for a multipath head, the subsystem's, in
 * which each of its controllers has a link. */
static int link_namespace(Linker *linker, const BlockEntry *entry) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        if (!STARTSWITH(entry->parent, "nvme"))
                return 0;
        if (!STARTSWITH(entry->parent, "nvme-subsys"))
                return link_to(linker, entry, entry->parent);
        r = fs_opendir(linker->root_fd, entry->dir, &dir);
        if (r < 0)
                return fs_is_gone(r) ? 0 : r;
        while ((name = fs_readdir(dir, &r))) {
                r = link_to(linker, entry, name);
                if (r < 0)
                        return r;
        }
        return r;
}

static int link_user(Linker *linker, size_t block, BlockKind kind, const char *name) {
        size_t user = topology_find_block(linker->topology, name);

        if (user == TOPOLOGY_NONE) {
                size_t entry = topology_index_find_name(&linker->index, name);
                dev_t devnum = 0;
                ssize_t added;

                if (entry != TOPOLOGY_NONE)
                        devnum = linker->list->entries[entry].devnum;
                else { /* younger than the list */
                        _cleanup_free_ char *path = NULL;
                        int r;

                        if (asprintf(&path, "sys/class/block/%s/dev", name) < 0)
                                return -ENOMEM;
                        r = block_read_devnum(linker->root_fd, path, &devnum);
                        if (r < 0)
                                return r;
                }
                added = topology_add_block(linker->topology, kind, name, devnum);
                if (added < 0)
                        return (int) added;
                user = (size_t) added;
        }
        return topology_link_user(linker->topology, block, user);
}

static int link_partitions(Linker *linker, size_t block) {
        const BlockEntry key = { .parent = linker->topology->blocks[block].name };
        size_t i = find_first(linker->partitions, linker->n_partitions, &key, compare_disks);
        int r = 0;

        for (; i < linker->n_partitions && r >= 0; i++) {
                const BlockEntry *entry = linker->partitions[i];

                if (!STREQ(entry->parent, linker->topology->blocks[block].name))
                        break;
                r = link_user(linker, block, BLOCK_PARTITION, entry->name);
        }
        return r;
}

static int doubt_holders(Topology *topology, size_t block, int error) {
        Block *b = &topology->blocks[block];
        char *detail;

        if (asprintf(&detail, "holders of /dev/%s: %s", b->name, strerror(-error)) < 0)
                return -ENOMEM;
        use_raise(&b->use, USE_UNKNOWN, detail);
        return 0;
}

static int link_holders(Linker *linker, size_t block) {
        Topology *topology = linker->topology;
        _cleanup_free_ char *path = NULL;
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        if (asprintf(&path, "sys/class/block/%s/holders", topology->blocks[block].name) < 0)
                return -ENOMEM;
        r = fs_opendir(linker->root_fd, path, &dir);
        if (r < 0)
                return fs_is_gone(r) ? 0 : doubt_holders(topology, block, r);
        while ((name = fs_readdir(dir, &r))) {
                r = link_user(linker, block, BLOCK_HOLDER, name);
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

        if (loop->backing_devnum != 0 && block->devnum != 0)
                return loop->backing_devnum == block->devnum;
        dev = strstr(loop->backing, DEV);
        while (dev && (next = strstr(dev + 1, DEV)))
                dev = next;
        n = strlen(block->name);
        return dev && strncmp(dev + 5, block->name, n) == 0 &&
               (dev[5 + n] == '\0' || dev[5 + n] == ' ');
}

static size_t find_loops(const Linker *linker, dev_t devnum) {
        return find_first(linker->loops, linker->n_loops, &(BlockEntry){ .backing_devnum = devnum },
                          compare_backings);
}

static int link_loops_between(Linker *linker, size_t block, size_t first, size_t end) {
        int r = 0;

        for (size_t i = first; i < end && r >= 0; i++)
                if (is_backed_by(linker->loops[i], &linker->topology->blocks[block]))
                        r = link_user(linker, block, BLOCK_HOLDER, linker->loops[i]->name);
        return r;
}

/* First in their order are those that know only a name: there are none or few. Of a block without a
 * number any of them may be meant. */
static int link_loops(Linker *linker, size_t block) {
        dev_t devnum = linker->topology->blocks[block].devnum;
        int r;

        if (devnum == 0)
                return link_loops_between(linker, block, 0, linker->n_loops);
        r = link_loops_between(linker, block, 0, find_loops(linker, 1));
        return r < 0 ? r
                     : link_loops_between(linker, block, find_loops(linker, devnum),
                                          find_loops(linker, devnum + 1));
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

int block_list_link(const BlockList *list, int root_fd, Topology *topology) {
        _cleanup_(linker_done) Linker linker = {
                .list = list,
                .root_fd = root_fd,
                .topology = topology,
        };
        int r;

        r = linker_init(&linker);
        for (size_t i = 0; i < list->n_entries && r >= 0; i++)
                if (!list->entries[i].is_partition && !list->entries[i].is_hidden)
                        r = link_namespace(&linker, &list->entries[i]);
        /* The list grows while it is walked; each block is added once, so that a cycle ends. */
        for (size_t i = 0; i < topology->n_blocks && r >= 0; i++) {
                r = link_partitions(&linker, i);
                if (r >= 0)
                        r = link_holders(&linker, i);
                if (r >= 0)
                        r = link_loops(&linker, i);
        }
        return r < 0 ? r : spread_doubt(list, topology);
}
