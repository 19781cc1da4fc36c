/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A binary heap of fixed size: libc has none, and libsystemd does not export its own. */
#pragma once

#include "base/util.h"

typedef struct HeapEntry {
        uint64_t key;   /* the lowest is first */
        uint64_t order; /* decides between equal keys: the lowest is first */
        size_t value;
} HeapEntry;

typedef struct Heap {
        HeapEntry *entries;
        size_t n_entries;
} Heap;

/* Allocates room for max entries; later calls allocate nothing. 0 or -ENOMEM. */
int heap_init(Heap *heap, size_t max) _must_check_;
void heap_done(Heap *heap);

/* The heap must hold fewer than max entries. */
void heap_push(Heap *heap, HeapEntry entry);

/* The first entry; heap_pop() removes it too. The heap must not be empty. */
HeapEntry heap_first(const Heap *heap);
HeapEntry heap_pop(Heap *heap);
