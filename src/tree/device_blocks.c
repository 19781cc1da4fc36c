/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See device_blocks.h. */

#include "tree/device_blocks.h"

#include <fcntl.h>
#include <limits.h>

#include "base/file.h"
#include "tree/block_node.h"
#include "tree/loop_backing.h"

#define BACKING_FILE "loop/backing_file"

static void block_entry_done(BlockEntry *entry) {
        free(entry->name);
        free(entry->dir);
        free(entry->head);
}

void block_list_done(BlockList *list) {
        for (size_t i = 0; i < list->n_entries; i++)
                block_entry_done(&list->entries[i]);
        free(list->entries);
        free(list->doubt);
        *list = BLOCK_LIST_INIT;
}

int block_read_devnum(int dir_fd, const char *path, dev_t *ret_devnum) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = file_read(dir_fd, path, &text);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || parse_devnum(text, ret_devnum) < 0)
                *ret_devnum = 0;
        return 0;
}

/* "nvme0c1n2" is a path of the native multipath head "nvme0n2" (nvme_mpath_set_disk_name(), 6.1).
 * By the name, since old kernels have no attribute `hidden`; the driver hides no other disks. */
static int read_head(BlockEntry *entry) {
        unsigned subsystem, controller, namespace;

        if (sscanf(entry->name, "nvme%uc%un%u", &subsystem, &controller, &namespace) != 3)
                return 0;
        if (asprintf(&entry->head, "nvme%un%u", subsystem, namespace) >= 0)
                return 0;
        entry->head = NULL;
        return -ENOMEM;
}

int block_count_sectors(int dir_fd, const char *path, uint64_t *ret_count, bool *ret_busy) {
        unsigned long long read, written, under_way, discarded = 0;
        _cleanup_free_ char *text = NULL;
        int r;

        r = file_read(dir_fd, path, &text);
        if (r < 0)
                return r;
        /* Reads: number, merges, sectors, time. Writes: the same. Then the number under way and two
         * times. Discards, since 4.19: as reads. */
        if (sscanf(text, "%*u %*u %llu %*u %*u %*u %llu %*u %llu %*u %*u %*u %*u %llu", &read,
                   &written, &under_way, &discarded) < 3)
                return -EBADMSG;
        *ret_count = read + written + discarded;
        if (ret_busy)
                *ret_busy = under_way > 0;
        return 0;
}

/* Not fatal: a worker compares only the counters that were read here. */
static int read_sectors(int dir_fd, BlockEntry *entry) {
        int r;

        entry->n_sectors = UINT64_MAX;
        if (entry->is_partition || !STARTSWITH(entry->parent, "nvme") ||
            STARTSWITH(entry->parent, "nvme-subsys"))
                return 0;
        r = block_count_sectors(dir_fd, "stat", &entry->n_sectors, NULL);
        return r == -ENOMEM ? r : 0;
}

static int block_entry_read(int dir_fd, const char *syspath, BlockEntry *entry) {
        const char *slash = strrchr(syspath, '/'), *above;
        int r;

        entry->name = strdup(slash + 1);
        entry->dir = strndup(syspath, (size_t) (slash - syspath));
        if (!entry->name || !entry->dir)
                return -ENOMEM;
        above = strrchr(entry->dir, '/');
        entry->parent = above ? above + 1 : entry->dir;
        r = block_read_devnum(dir_fd, "dev", &entry->devnum);
        if (r < 0)
                return r;
        entry->is_partition = file_exists(dir_fd, "partition");
        entry->is_bound_loop = STARTSWITH(entry->name, "loop") && file_exists(dir_fd, BACKING_FILE);
        r = read_head(entry);
        return r < 0 ? r : read_sectors(dir_fd, entry);
}

int block_list_add(BlockList *list, int root_fd, const char *syspath) {
        _cleanup_close_ int dir_fd = -1;
        BlockEntry entry = {}, *larger;
        int r;

        if (!strchr(syspath, '/'))
                return 0;
        dir_fd = openat(root_fd, syspath, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return file_is_gone(-errno) ? 0 : -errno;
        larger = reallocarray(list->entries, list->n_entries + 1, sizeof(BlockEntry));
        if (!larger)
                return -ENOMEM;
        list->entries = larger;
        r = block_entry_read(dir_fd, syspath, &entry);
        if (r < 0) {
                block_entry_done(&entry);
                return r;
        }
        list->entries[list->n_entries++] = entry;
        return 0;
}

static int set_loop_doubt(BlockList *list, const char *name, int error) {
        if (list->doubt)
                return 0;
        if (asprintf(&list->doubt, "/dev/%s does not say which device it stands on: %s", name,
                     block_node_strerror(error)) >= 0)
                return 0;
        list->doubt = NULL;
        return -ENOMEM;
}

/* Whether the loop device lost its backing file after it was listed. One that still has it in sysfs
 * contradicts its own answer. */
static bool is_unbound(int root_fd, const BlockEntry *entry, int error) {
        char path[PATH_MAX];

        if (error != -ENXIO && error != -ENOENT)
                return false;
        (void) snprintf(path, sizeof(path), "%s/%s/" BACKING_FILE, entry->dir, entry->name);
        return !file_exists(root_fd, path);
}

static int set_backing(BlockList *list, int root_fd, BlockEntry *entry, const LoopBacking *loop) {
        if (loop->error == 0) {
                entry->backing_devnum = loop->backing;
                return 0;
        }
        if (is_unbound(root_fd, entry, loop->error))
                return 0;
        return set_loop_doubt(list, entry->name, loop->error);
}

int block_list_ask_loops(BlockList *list, int root_fd) {
        _cleanup_free_ LoopBacking *loops = NULL;
        size_t n = 0;

        loops = calloc(list->n_entries + 1, sizeof(LoopBacking));
        if (!loops)
                return -ENOMEM;
        for (size_t i = 0; i < list->n_entries; i++) {
                const BlockEntry *entry = &list->entries[i];

                if (!entry->is_bound_loop)
                        continue;
                loops[n].devnum = entry->devnum;
                (void) snprintf(loops[n++].name, sizeof(loops->name), "%s", entry->name);
        }
        loop_backing_ask(root_fd, loops, n);
        n = 0;
        for (size_t i = 0; i < list->n_entries; i++) {
                int r;

                if (!list->entries[i].is_bound_loop)
                        continue;
                r = set_backing(list, root_fd, &list->entries[i], &loops[n++]);
                if (r < 0)
                        return r;
        }
        return 0;
}
