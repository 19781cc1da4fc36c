/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block devices of a topology; see block_links.h. */

#include "tree/block_links.h"

#include "base/file.h"

/* What the list and the topology are asked for again and again, each in an order of its own. */
typedef struct Linker {
        const BlockList *list;
        int root_fd;
        Topology *topology;
        TopologyIndex index;           /* controllers; the list's entries by name */
        const BlockEntry **partitions; /* by the name of their disk */
        size_t n_partitions;
        const BlockEntry **loops; /* those that stand on a block device, by its number */
        size_t n_loops;
        const BlockEntry **paths; /* of multipath heads, by the name of the head */
        size_t n_paths;
} Linker;

static void linker_done(Linker *linker) {
        topology_index_done(&linker->index);
        free(linker->partitions);
        free(linker->loops);
        free(linker->paths);
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

static int compare_heads(const void *a, const void *b) {
        return strcmp((*(const BlockEntry *const *) a)->head,
                      (*(const BlockEntry *const *) b)->head);
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
        linker->paths = calloc(list->n_entries + 1, sizeof(BlockEntry *));
        if (!linker->partitions || !linker->loops || !linker->paths)
                return -ENOMEM;
        r = index_controllers(linker);
        for (size_t i = 0; i < list->n_entries && r >= 0; i++) {
                const BlockEntry *entry = &list->entries[i];

                r = topology_index_add_block(&linker->index, entry->name, entry->devnum, i);
                if (entry->is_partition)
                        linker->partitions[linker->n_partitions++] = entry;
                if (entry->backing_devnum != 0)
                        linker->loops[linker->n_loops++] = entry;
                if (entry->head)
                        linker->paths[linker->n_paths++] = entry;
        }
        qsort(linker->partitions, linker->n_partitions, sizeof(BlockEntry *), compare_disks);
        qsort(linker->loops, linker->n_loops, sizeof(BlockEntry *), compare_backings);
        qsort(linker->paths, linker->n_paths, sizeof(BlockEntry *), compare_heads);
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

/* Where no path is listed (delayed removal of the last one, or a kernel that does not list them)
 * any controller of the subsystem may lead to the head. */
static int link_to_subsystem(Linker *linker, const BlockEntry *head) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        r = file_opendir(linker->root_fd, head->dir, &dir);
        if (r < 0)
                return file_is_gone(r) ? 0 : r;
        while ((name = file_readdir(dir, &r))) {
                r = link_to(linker, head, name);
                if (r < 0)
                        return r;
        }
        return r;
}

/* A multipath head belongs to the controllers that have a path node of it: in one subsystem each
 * controller may have namespaces of its own (NVMe base 2.0, 2.1.1; nvme_mpath_alloc_disk(), 6.1).
 */
static int link_head(Linker *linker, const BlockEntry *head) {
        const BlockEntry key = { .head = head->name };
        size_t first = find_first(linker->paths, linker->n_paths, &key, compare_heads), i = first;
        int r = 0;

        for (; i < linker->n_paths && r >= 0; i++) {
                if (!STREQ(linker->paths[i]->head, head->name))
                        break;
                r = link_to(linker, head, linker->paths[i]->parent);
        }
        return i > first || r < 0 ? r : link_to_subsystem(linker, head);
}

/* The directory above a disk is its controller's own or, for a multipath head, the subsystem's. */
static int link_namespace(Linker *linker, const BlockEntry *entry) {
        if (!STARTSWITH(entry->parent, "nvme"))
                return 0;
        if (!STARTSWITH(entry->parent, "nvme-subsys"))
                return link_to(linker, entry, entry->parent);
        return link_head(linker, entry);
}

/* What the worker will compare: every disk and path in the controller's own directory. */
static void count_sectors(const Linker *linker, const BlockEntry *entry) {
        size_t device = topology_index_find_controller(&linker->index, entry->parent);
        Controller *controller;

        if (entry->is_partition || device == TOPOLOGY_NONE)
                return;
        controller = linker->topology->devices[device].controller;
        if (controller->n_sectors == UINT64_MAX || entry->n_sectors == UINT64_MAX)
                controller->n_sectors = UINT64_MAX;
        else
                controller->n_sectors += entry->n_sectors;
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
        r = file_opendir(linker->root_fd, path, &dir);
        if (r < 0)
                return file_is_gone(r) ? 0 : doubt_holders(topology, block, r);
        while ((name = file_readdir(dir, &r))) {
                r = link_user(linker, block, BLOCK_HOLDER, name);
                if (r < 0)
                        return r;
        }
        return r < 0 ? doubt_holders(topology, block, r) : 0;
}

static size_t find_loops(const Linker *linker, dev_t devnum) {
        return find_first(linker->loops, linker->n_loops, &(BlockEntry){ .backing_devnum = devnum },
                          compare_backings);
}

/* A loop device on a raw device is no holder to the kernel and claims nothing. */
static int link_loops(Linker *linker, size_t block) {
        dev_t devnum = linker->topology->blocks[block].devnum;
        size_t end = find_loops(linker, devnum + 1);
        int r = 0;

        for (size_t i = find_loops(linker, devnum); devnum != 0 && i < end && r >= 0; i++)
                r = link_user(linker, block, BLOCK_HOLDER, linker->loops[i]->name);
        return r;
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
        for (size_t i = 0; i < list->n_entries && r >= 0; i++) {
                count_sectors(&linker, &list->entries[i]);
                if (!list->entries[i].is_partition && !list->entries[i].head)
                        r = link_namespace(&linker, &list->entries[i]);
        }
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
