/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A binary heap of fixed size: libc has none, libsystemd keeps its own to itself. */
#pragma once

#include "base/util.h"

typedef struct HeapEntry {
        uint64_t key;   /* the lowest comes first */
        uint64_t order; /* of equal keys, the lowest */
        size_t value;
} HeapEntry;

typedef struct Heap {
        HeapEntry *entries;
        size_t n_entries;
} Heap;

/* Room for max entries; nothing is allocated afterwards. 0 or -ENOMEM. */
int heap_init(Heap *heap, size_t max) _must_check_;
void heap_done(Heap *heap);

void heap_push(Heap *heap, HeapEntry entry);

/* Neither may be called on an empty heap. */
HeapEntry heap_first(const Heap *heap);
HeapEntry heap_pop(Heap *heap);
