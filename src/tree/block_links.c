/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See block_links.h. */

#include "tree/block_links.h"

#include "base/file.h"

typedef struct NamedController {
        const char *name;
        size_t device;
} NamedController;

/* The controllers and the list's entries, each sorted by the key that they are looked up with. */
typedef struct Linker {
        const BlockList *list;
        int root_fd;
        Topology *topology;
        NamedController *controllers; /* by name */
        size_t n_controllers;
        const BlockEntry **entries; /* all, by name */
        size_t n_entries;
        const BlockEntry **partitions; /* by the name of their disk */
        size_t n_partitions;
        const BlockEntry **loops; /* those that stand on a block device, by its number */
        size_t n_loops;
        const BlockEntry **paths; /* of multipath heads, by the name of the head */
        size_t n_paths;
} Linker;

static void linker_done(Linker *linker) {
        free(linker->controllers);
        free(linker->entries);
        free(linker->partitions);
        free(linker->loops);
        free(linker->paths);
}

#define _cleanup_linker_ _cleanup_(linker_done)

static int compare_controllers(const void *a, const void *b) {
        return strcmp(((const NamedController *) a)->name, ((const NamedController *) b)->name);
}

static int compare_names(const void *a, const void *b) {
        return strcmp((*(const BlockEntry *const *) a)->name,
                      (*(const BlockEntry *const *) b)->name);
}

static int compare_disks(const void *a, const void *b) {
        return strcmp((*(const BlockEntry *const *) a)->parent,
                      (*(const BlockEntry *const *) b)->parent);
}

static int compare_backings(const void *a, const void *b) {
        return CMP((*(const BlockEntry *const *) a)->backing_devnum,
                   (*(const BlockEntry *const *) b)->backing_devnum);
}

static int compare_heads(const void *a, const void *b) {
        return strcmp((*(const BlockEntry *const *) a)->head,
                      (*(const BlockEntry *const *) b)->head);
}

/* The position of the first entry that does not sort before key. */
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

/* TOPOLOGY_NONE if the topology has no such controller. */
static size_t find_controller(const Linker *linker, const char *name) {
        const NamedController key = { .name = name }, *found;

        found = bsearch(&key, linker->controllers, linker->n_controllers, sizeof(NamedController),
                        compare_controllers);
        return found ? found->device : TOPOLOGY_NONE;
}

/* NULL if the list has no such entry. */
static const BlockEntry *find_entry(const Linker *linker, const char *name) {
        const BlockEntry key = { .name = (char *) name };
        size_t i = find_first(linker->entries, linker->n_entries, &key, compare_names);

        return i < linker->n_entries && STREQ(linker->entries[i]->name, name) ? linker->entries[i]
                                                                              : NULL;
}

static int sort_controllers(Linker *linker) {
        const Topology *topology = linker->topology;

        linker->controllers = calloc(topology->n_devices + 1, sizeof(NamedController));
        if (!linker->controllers)
                return -ENOMEM;
        for (size_t i = 0; i < topology->n_devices; i++)
                if (topology->devices[i].kind == DEVICE_CONTROLLER)
                        linker->controllers[linker->n_controllers++] = (NamedController){
                                .name = topology->devices[i].controller->name,
                                .device = i,
                        };
        qsort(linker->controllers, linker->n_controllers, sizeof(NamedController),
              compare_controllers);
        return 0;
}

static int sort_entries(Linker *linker) {
        const BlockList *list = linker->list;

        linker->entries = calloc(list->n_entries + 1, sizeof(BlockEntry *));
        linker->partitions = calloc(list->n_entries + 1, sizeof(BlockEntry *));
        linker->loops = calloc(list->n_entries + 1, sizeof(BlockEntry *));
        linker->paths = calloc(list->n_entries + 1, sizeof(BlockEntry *));
        if (!linker->entries || !linker->partitions || !linker->loops || !linker->paths)
                return -ENOMEM;
        for (size_t i = 0; i < list->n_entries; i++) {
                const BlockEntry *entry = &list->entries[i];

                linker->entries[linker->n_entries++] = entry;
                if (entry->is_partition)
                        linker->partitions[linker->n_partitions++] = entry;
                if (entry->backing_devnum != 0)
                        linker->loops[linker->n_loops++] = entry;
                if (entry->head)
                        linker->paths[linker->n_paths++] = entry;
        }
        qsort(linker->entries, linker->n_entries, sizeof(BlockEntry *), compare_names);
        qsort(linker->partitions, linker->n_partitions, sizeof(BlockEntry *), compare_disks);
        qsort(linker->loops, linker->n_loops, sizeof(BlockEntry *), compare_backings);
        qsort(linker->paths, linker->n_paths, sizeof(BlockEntry *), compare_heads);
        return 0;
}

static int link_to_controller(Linker *linker, const BlockEntry *entry, const char *controller) {
        size_t device = find_controller(linker, controller), block;

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

/* For a head without a path (delayed removal of the last one, or a kernel that does not list
 * paths): any controller of the subsystem may lead to it. */
static int link_to_subsystem(Linker *linker, const BlockEntry *head) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        r = file_opendir(linker->root_fd, head->dir, &dir);
        if (r < 0)
                return file_is_gone(r) ? 0 : r;
        while ((name = file_readdir(dir, &r))) {
                r = link_to_controller(linker, head, name);
                if (r < 0)
                        return r;
        }
        return r;
}

/* A multipath head belongs to the controllers that have a path node of it. Controllers of the same
 * subsystem may have different namespaces (NVMe base 2.0, 2.1.1; nvme_mpath_alloc_disk(), 6.1). */
static int link_head(Linker *linker, const BlockEntry *head) {
        const BlockEntry key = { .head = head->name };
        size_t first = find_first(linker->paths, linker->n_paths, &key, compare_heads), i;

        for (i = first; i < linker->n_paths && STREQ(linker->paths[i]->head, head->name); i++) {
                int r = link_to_controller(linker, head, linker->paths[i]->parent);

                if (r < 0)
                        return r;
        }
        return i > first ? 0 : link_to_subsystem(linker, head);
}

/* The directory above a disk is its controller's or, for a multipath head, its subsystem's. */
static int link_namespace(Linker *linker, const BlockEntry *entry) {
        if (!STARTSWITH(entry->parent, "nvme"))
                return 0;
        if (!STARTSWITH(entry->parent, "nvme-subsys"))
                return link_to_controller(linker, entry, entry->parent);
        return link_head(linker, entry);
}

/* Sums up what the worker will compare: every disk and path in the controller's own directory. */
static void count_sectors(const Linker *linker, const BlockEntry *entry) {
        size_t device = find_controller(linker, entry->parent);
        Controller *controller;

        if (entry->is_partition || device == TOPOLOGY_NONE)
                return;
        controller = linker->topology->devices[device].controller;
        if (controller->n_sectors == UINT64_MAX || entry->n_sectors == UINT64_MAX)
                controller->n_sectors = UINT64_MAX;
        else
                controller->n_sectors += entry->n_sectors;
}

/* 0 for the number of a device that can't be read. */
static int find_devnum(const Linker *linker, const char *name, dev_t *ret_devnum) {
        const BlockEntry *entry = find_entry(linker, name);
        _cleanup_free_ char *path = NULL;

        if (entry) {
                *ret_devnum = entry->devnum;
                return 0;
        }
        /* The device is younger than the list. */
        if (asprintf(&path, "sys/class/block/%s/dev", name) < 0)
                return -ENOMEM;
        return block_read_devnum(linker->root_fd, path, ret_devnum);
}

static int link_user(Linker *linker, size_t block, BlockKind kind, const char *name) {
        size_t user = topology_find_block(linker->topology, name);
        ssize_t added;
        dev_t devnum;
        int r;

        if (user != TOPOLOGY_NONE)
                return topology_link_user(linker->topology, block, user);
        r = find_devnum(linker, name, &devnum);
        if (r < 0)
                return r;
        added = topology_add_block(linker->topology, kind, name, devnum);
        if (added < 0)
                return (int) added;
        return topology_link_user(linker->topology, block, (size_t) added);
}

static int link_partitions(Linker *linker, size_t block) {
        const BlockEntry key = { .parent = linker->topology->blocks[block].name };
        size_t i = find_first(linker->partitions, linker->n_partitions, &key, compare_disks);

        for (; i < linker->n_partitions; i++) {
                const BlockEntry *entry = linker->partitions[i];
                int r;

                if (!STREQ(entry->parent, key.parent))
                        break;
                r = link_user(linker, block, BLOCK_PARTITION, entry->name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int raise_holder_doubt(Topology *topology, size_t block, int error) {
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
                return file_is_gone(r) ? 0 : raise_holder_doubt(topology, block, r);
        while ((name = file_readdir(dir, &r))) {
                r = link_user(linker, block, BLOCK_HOLDER, name);
                if (r < 0)
                        return r;
        }
        return r < 0 ? raise_holder_doubt(topology, block, r) : 0;
}

static size_t find_loops(const Linker *linker, dev_t devnum) {
        return find_first(linker->loops, linker->n_loops, &(BlockEntry){ .backing_devnum = devnum },
                          compare_backings);
}

/* To the kernel a loop device on a raw device is no holder, and it claims nothing. */
static int link_loops(Linker *linker, size_t block) {
        dev_t devnum = linker->topology->blocks[block].devnum;
        size_t end;

        if (devnum == 0)
                return 0;
        end = find_loops(linker, devnum + 1);
        for (size_t i = find_loops(linker, devnum); i < end; i++) {
                int r = link_user(linker, block, BLOCK_HOLDER, linker->loops[i]->name);

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

static int link_namespaces(Linker *linker) {
        for (size_t i = 0; i < linker->list->n_entries; i++) {
                const BlockEntry *entry = &linker->list->entries[i];
                int r;

                count_sectors(linker, entry);
                if (entry->is_partition || entry->head)
                        continue;
                r = link_namespace(linker, entry);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The topology's list grows while it is walked. Each block is added once, so a cycle ends. */
static int link_users(Linker *linker) {
        for (size_t i = 0; i < linker->topology->n_blocks; i++) {
                int r;

                r = link_partitions(linker, i);
                if (r < 0)
                        return r;
                r = link_holders(linker, i);
                if (r < 0)
                        return r;
                r = link_loops(linker, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

int block_list_link(const BlockList *list, int root_fd, Topology *topology) {
        _cleanup_linker_ Linker linker = {
                .list = list,
                .root_fd = root_fd,
                .topology = topology,
        };
        int r;

        r = sort_controllers(&linker);
        if (r < 0)
                return r;
        r = sort_entries(&linker);
        if (r < 0)
                return r;
        r = link_namespaces(&linker);
        if (r < 0)
                return r;
        r = link_users(&linker);
        return r < 0 ? r : spread_doubt(list, topology);
}
