/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the readers of usage collect: uses of blocks and controllers, and doubts. */
#pragma once

#include "model/topology.h"

typedef struct Usage {
        int root_fd;
        Topology *topology;
        char *doubt; /* why no controller can be taken for unused, or NULL */
} Usage;

void usage_done(Usage *usage);

/* Whether a controller's use is ours to find out: one on PCIe that the nvme driver owns. All others
 * are the plan's business alone. */
bool usage_is_marked(const Topology *topology, const Device *device);

/* Each of these formats the detail only where it is needed. 0 or -ENOMEM. The first doubt is kept.
 */
int usage_raise(Usage *usage, size_t block, UseKind kind, const char *format, ...) _must_check_
        _printf_(4, 5);
int usage_raise_controller(Usage *usage, size_t device, UseKind kind, const char *format,
                           ...) _must_check_ _printf_(4, 5);
int usage_doubt(Usage *usage, const char *format, ...) _must_check_ _printf_(2, 3);

typedef enum UsageNode {
        USAGE_NODE_OTHER, /* none of ours */
        USAGE_NODE_BLOCK, /* *ret_index is its block */
} UsageNode;

/* Which block the node at an absolute path is: by its device number or, where the node is gone, by
 * its name. Paths outside /dev are USAGE_NODE_OTHER: looking there could mean waiting for a file
 * server. Returns a UsageNode, or -errno when it can't be found out. */
int usage_find_node(const Usage *usage, const char *path, size_t *ret_index) _must_check_;

/* An NVMe character device (nvme3, ng3n1), as sysfs names it. */
typedef struct UsageChar {
        char name[64];
        char above[64]; /* the directory above: a controller or a subsystem */
} UsageChar;

/* Whether the number is that of an NVMe character device. */
bool usage_find_char(const Usage *usage, dev_t devnum, UsageChar *ret);

/* Raises every controller it leads to; who: "smartd[711]". 0 or -ENOMEM. */
int usage_raise_char(Usage *usage, const UsageChar *node, UseKind kind,
                     const char *who) _must_check_;
