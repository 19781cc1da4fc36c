/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every block device of the machine, as sysfs lists it. */
#pragma once

#include "model/topology.h"

/* As far as the graph needs it. */
typedef struct BlockEntry {
        char *name;
        char *dir;          /* the sysfs directory above it, relative to the root directory */
        const char *parent; /* the last component of that: for a partition its disk */
        char *head;   /* NULL, or the multipath head that this is a path of: a path node is no block
                         device that programs could use */
        dev_t devnum; /* 0 where unknown */
        dev_t backing_devnum; /* what a loop device stands on; 0 where it is no block device */
        uint64_t n_sectors;   /* of a namespace or a path: block_count_sectors(), or UINT64_MAX */
        bool is_partition;
        bool is_bound_loop; /* a loop device that has a backing file */
} BlockEntry;

typedef struct BlockList {
        BlockEntry *entries;
        size_t n_entries;
        char *doubt; /* why holders may be missing everywhere, or NULL */
} BlockList;

#define BLOCK_LIST_INIT ((BlockList){})

void block_list_done(BlockList *list);

/* 0 where the attribute can't be read: inuse counts such a block as used. 0 or -ENOMEM. */
int block_read_devnum(int dir_fd, const char *path, dev_t *ret_devnum) _must_check_;

/* How many sectors of the device were read, written or discarded since it exists, as its attribute
 * `stat` below dir_fd says (Documentation/block/stat.rst), in *ret_count; *ret_busy (may be NULL)
 * whether anything is under way. Sectors, since a Flush has none: on a drive without a cache it is
 * counted as a write (blk_insert_flush(), 6.1), and the worker of another path to the same head may
 * have sent it. 0 or -errno; -EBADMSG: not understood. */
int block_count_sectors(int dir_fd, const char *path, uint64_t *ret_count,
                        bool *ret_busy) _must_check_;

/* Reads one block device; syspath is relative to the root directory. One that has vanished is left
 * out. 0 or -errno. */
int block_list_add(BlockList *list, int root_fd, const char *syspath) _must_check_;

/* Asks every loop device that has a backing file which block device it stands on (loop_backing.h).
 * Without an answer any block device may be the one: that becomes list->doubt. 0 or -ENOMEM. */
int block_list_ask_loops(BlockList *list, int root_fd) _must_check_;
