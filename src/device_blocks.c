/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of all block devices; see device_blocks.h. */

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

int block_read_devnum(int dir_fd, const char *path, dev_t *ret_devnum) {
        _cleanup_free_ char *text = NULL;
        int r;

        r = sysfs_read(dir_fd, path, &text);
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

static int read_backing(BlockList *list, int root_fd, int dir_fd, BlockEntry *entry) {
        mode_t type;
        dev_t devnum;
        int r;

        r = sysfs_read(dir_fd, "loop/backing_file", &entry->backing);
        if (r < 0 && fs_is_gone(r))
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

static int block_entry_read(BlockList *list, int root_fd, int dir_fd, const char *syspath,
                            BlockEntry *entry) {
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
        entry->is_partition = sysfs_exists(dir_fd, "partition");
        entry->is_hidden = is_path_node(entry->name);
        if (STARTSWITH(entry->name, "loop"))
                return read_backing(list, root_fd, dir_fd, entry);
        return 0;
}

int block_list_add(BlockList *list, int root_fd, const char *syspath) {
        _cleanup_close_ int dir_fd = -1;
        BlockEntry entry = {}, *larger;
        int r;

        if (!strchr(syspath, '/'))
                return 0;
        dir_fd = openat(root_fd, syspath, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return fs_is_gone(-errno) ? 0 : -errno;
        larger = reallocarray(list->entries, list->n_entries + 1, sizeof(BlockEntry));
        if (!larger)
                return -ENOMEM;
        list->entries = larger;
        r = block_entry_read(list, root_fd, dir_fd, syspath, &entry);
        if (r < 0) {
                block_entry_done(&entry);
                return r;
        }
        list->entries[list->n_entries++] = entry;
        return 0;
}
