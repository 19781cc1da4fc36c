/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the readers of inuse collect: uses of blocks and controllers, and doubts. */
#pragma once

#include "model/topology.h"

typedef struct Inuse {
        int root_fd;
        Topology *topology;
        char *doubt; /* why no controller can be taken for unused, or NULL */
} Inuse;

void inuse_done(Inuse *inuse);

/* Whether a controller's use is ours to find out: one on PCIe that the nvme driver owns. All others
 * are the plan's business alone. */
bool inuse_is_marked(const Topology *topology, const Device *device);

/* Each of these formats the detail only where it is needed. 0 or -ENOMEM. The first doubt is kept.
 */
int inuse_raise(Inuse *inuse, size_t block, UseKind kind, const char *format, ...) _must_check_
        _printf_(4, 5);
int inuse_raise_controller(Inuse *inuse, size_t device, UseKind kind, const char *format,
                           ...) _must_check_ _printf_(4, 5);
int inuse_doubt(Inuse *inuse, const char *format, ...) _must_check_ _printf_(2, 3);

typedef enum InuseNode {
        INUSE_NODE_OTHER, /* none of ours */
        INUSE_NODE_BLOCK, /* *ret_index is its block */
} InuseNode;

/* Which block the node at an absolute path is: by its device number or, where the node is gone, by
 * its name. Paths outside /dev are INUSE_NODE_OTHER: looking there could mean waiting for a file
 * server. Returns an InuseNode, or -errno when it can't be found out. */
int inuse_find_node(const Inuse *inuse, const char *path, size_t *ret_index) _must_check_;

/* An NVMe character device (nvme3, ng3n1), as sysfs names it. */
typedef struct InuseChar {
        char name[64];
        char above[64]; /* the directory above: a controller or a subsystem */
} InuseChar;

/* Whether the number is that of an NVMe character device. */
bool inuse_find_char(const Inuse *inuse, dev_t devnum, InuseChar *ret);

/* Raises every controller it leads to; who: "smartd[711]". 0 or -ENOMEM. */
int inuse_raise_char(Inuse *inuse, const InuseChar *node, UseKind kind,
                     const char *who) _must_check_;
