/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the tree that "lspci -tv" draws. */
#pragma once

#include "topology.h"

/* Adds what is an NVMe controller by its name, and all that is above it, to an empty topology: the
 * text tells no classes and no port types, so both are guessed, by name and by place. A domain
 * above ffff belongs to a VMD; the n-th of them is put below the n-th VMD. Controllers get their
 * address for a name and their name for a model. file is for messages only. 0; -ENOMEM; -EINVAL
 * with file, line, column and fault in why. */
int lspci_tree_read(const char *file, const char *text, Topology *topology, char *why,
                    size_t why_size) _must_check_;
