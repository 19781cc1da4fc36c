/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to inuse. Its readers collect uses of blocks and controllers, and doubts. */
#pragma once

#include "model/topology.h"

typedef struct Inuse {
        int root_fd;
        Topology *topology;
        char *doubt; /* why any controller may be in use; NULL: no doubt */
} Inuse;

void inuse_done(Inuse *inuse);

#define _cleanup_inuse_ _cleanup_(inuse_done)

/* Whether this room finds out the device's use: that of a PCIe controller that the nvme driver
 * owns. The plan decides about all others without it. */
bool inuse_is_marked(const Device *device);

/* Raises the use of a block, unless it has a more telling one. The detail is formatted only if it is
 * kept. Returns 0 or -ENOMEM. */
int inuse_raise(Inuse *inuse, size_t block, UseKind kind, const char *format, ...) _must_check_
        _printf_(4, 5);

/* Notes that something could not be found out, so that any controller may be in use. The first
 * doubt is kept. Returns 0 or -ENOMEM. */
int inuse_doubt(Inuse *inuse, const char *format, ...) _must_check_ _printf_(2, 3);

typedef enum InuseNode {
        INUSE_NODE_OTHER, /* not a block of the topology */
        INUSE_NODE_BLOCK, /* *ret_index is its block */
} InuseNode;

/* Which block the node at an absolute path is: by its device number or, if the node is gone, by its
 * name. Paths outside /dev are INUSE_NODE_OTHER, as looking there could mean waiting for a file
 * server. Returns an InuseNode, or -errno when it can't be found out. */
int inuse_find_node(const Inuse *inuse, const char *path, size_t *ret_index) _must_check_;

/* An NVMe character device (nvme3, ng3n1), as sysfs names it. */
typedef struct InuseChar {
        char name[64];
        char above[64]; /* the directory above: a controller or a subsystem */
} InuseChar;

/* Whether the number is that of an NVMe character device. */
bool inuse_find_char(const Inuse *inuse, dev_t devnum, InuseChar *ret);

/* Raises the use of every controller that the character device leads to. who has it open, for
 * people: "smartd[711]". Returns 0 or -ENOMEM. */
int inuse_raise_char(Inuse *inuse, const InuseChar *node, UseKind kind,
                     const char *who) _must_check_;
