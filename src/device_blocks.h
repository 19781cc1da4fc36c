/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every block device of the machine, as sysfs lists it. */
#pragma once

#include "topology.h"

/* As far as the graph needs it. */
typedef struct BlockEntry {
        char *name;
        char *dir;            /* the sysfs directory above it, relative to the root directory */
        const char *parent;   /* the last component of that: for a partition its disk */
        char *backing;        /* of a loop device: the path of its backing file, or NULL */
        dev_t devnum;         /* 0 where unknown */
        dev_t backing_devnum; /* 0 where it is no block device */
        bool is_partition;
        bool is_hidden; /* path of a multipath head: no block device that anybody could use */
} BlockEntry;

typedef struct BlockList {
        BlockEntry *entries;
        size_t n_entries;
        char *doubt; /* why holders may be missing everywhere, or NULL */
} BlockList;

#define BLOCK_LIST_INIT ((BlockList){})

void block_list_done(BlockList *list);

/* 0 where the attribute can't be read: usage takes such a block for used. 0 or -ENOMEM. */
int block_read_devnum(int dir_fd, const char *path, dev_t *ret_devnum) _must_check_;

/* Reads one block device; syspath is relative to the root directory. One that has vanished is left
 * out. 0 or -errno. */
int block_list_add(BlockList *list, int root_fd, const char *syspath) _must_check_;
