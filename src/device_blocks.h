/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The block devices of a topology: namespaces, and everything that stands on them. */
#pragma once

#include "topology.h"

/* Every block device of the machine, as far as the graph needs it. */
typedef struct BlockEntry {
        char *name;
        char *dir;            /* the sysfs directory above it, relative to the root directory */
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

/* Reads one block device; syspath is relative to the root directory. One that has vanished is left
 * out. Returns 0 or -ENOMEM. */
int block_list_add(BlockList *list, int root_fd, const char *syspath) _must_check_;

/* Adds the namespaces of the topology's controllers, their partitions, and all their holders. A
 * block whose holders can't be listed gets USE_UNKNOWN. Returns 0, -ENOMEM, or -errno when a
 * subsystem can't be listed: then nobody knows whose a multipath head is. */
int block_list_link(BlockList *list, int root_fd, Topology *topology) _must_check_;
