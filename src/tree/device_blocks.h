/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists all block devices of the machine, as sysfs has them. */
#pragma once

#include "model/topology.h"

typedef struct BlockEntry {
        char *name;
        char *dir;          /* the sysfs directory above it, relative to the root directory */
        const char *parent; /* the last component of dir: the disk of a partition */
        char *head;   /* the multipath head that this is a path of, or NULL; programs can't use the
                         node of a path */
        dev_t devnum; /* 0 if unknown */
        dev_t backing_devnum; /* the block device that a loop device stands on, or 0 */
        uint64_t n_sectors;   /* of a namespace or a path: block_count_sectors(), or UINT64_MAX */
        bool is_partition;
        bool is_bound_loop; /* a loop device that has a backing file */
} BlockEntry;

typedef struct BlockList {
        BlockEntry *entries;
        size_t n_entries;
        char *doubt; /* why any block may have holders that are not known, or NULL */
} BlockList;

#define BLOCK_LIST_INIT ((BlockList){})

void block_list_done(BlockList *list);

/* Reads a device number. *ret_devnum is 0 if it can't be read: the room inuse takes such a block as
 * used. 0 or -ENOMEM. */
int block_read_devnum(int dir_fd, const char *path, dev_t *ret_devnum) _must_check_;

/* Counts the input and output of a block device since it was added, from its attribute `stat`
 * (Documentation/block/stat.rst).
 *
 *   ret_count: sectors read, written and discarded. Not requests: a Flush, which the worker of
 *              another path to the same head may have sent, counts as a write request on a drive
 *              without a cache (blk_insert_flush(), 6.1), but has no sectors.
 *   ret_busy: whether requests are under way; may be NULL.
 *
 * 0 or -errno; -EBADMSG if the attribute is malformed. */
int block_count_sectors(int dir_fd, const char *path, uint64_t *ret_count,
                        bool *ret_busy) _must_check_;

/* Reads one block device and adds it, unless it has vanished. syspath: relative to the root
 * directory. 0 or -errno. */
int block_list_add(BlockList *list, int root_fd, const char *syspath) _must_check_;

/* Asks each loop device that has a backing file which block device it stands on (loop_backing.h).
 * One that does not answer may stand on any block device: this sets list->doubt. 0 or -ENOMEM. */
int block_list_ask_loops(BlockList *list, int root_fd) _must_check_;
