/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the elements of a topology without walking its lists (tsearch(3)). */
#pragma once

#include <sys/types.h>

#include "base/util.h"

/* {} is an empty one. */
typedef struct TopologyIndex {
        void *addresses;   /* of devices */
        void *controllers; /* of devices, by their controller's name */
        void *names;       /* of blocks */
        void *devnums;     /* of blocks */
} TopologyIndex;

void topology_index_done(TopologyIndex *index);

/* Names are not copied. Of equal ones the first stays. All return 0 or -ENOMEM. */
int topology_index_add_device(TopologyIndex *index, const char *address,
                              size_t device) _must_check_;
int topology_index_add_controller(TopologyIndex *index, const char *name,
                                  size_t device) _must_check_;
int topology_index_add_block(TopologyIndex *index, const char *name, dev_t devnum,
                             size_t block) _must_check_;

/* SIZE_MAX when there is none. */
size_t topology_index_find_address(const TopologyIndex *index, const char *address);
size_t topology_index_find_controller(const TopologyIndex *index, const char *name);
size_t topology_index_find_name(const TopologyIndex *index, const char *name);
size_t topology_index_find_devnum(const TopologyIndex *index, dev_t devnum);
