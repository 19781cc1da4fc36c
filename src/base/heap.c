/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See heap.h. */

#include "base/heap.h"

#include <assert.h>

int heap_init(Heap *heap, size_t max) {
        *heap = (Heap){ .entries = calloc(max + 1, sizeof(HeapEntry)) };
        return heap->entries ? 0 : -ENOMEM;
}

void heap_done(Heap *heap) {
        free(heap->entries);
        *heap = (Heap){};
}

static bool is_before(const HeapEntry *a, const HeapEntry *b) {
        return a->key != b->key ? a->key < b->key : a->order < b->order;
}

void heap_push(Heap *heap, HeapEntry entry) {
        size_t at = heap->n_entries++;

        for (; at > 0 && is_before(&entry, &heap->entries[(at - 1) / 2]); at = (at - 1) / 2)
                heap->entries[at] = heap->entries[(at - 1) / 2];
        heap->entries[at] = entry;
}

HeapEntry heap_first(const Heap *heap) {
        assert(heap->n_entries > 0);
        return heap->entries[0];
}

HeapEntry heap_pop(Heap *heap) {
        HeapEntry first = heap_first(heap), last = heap->entries[--heap->n_entries];
        size_t at = 0, child;

        while ((child = 2 * at + 1) < heap->n_entries) {
                if (child + 1 < heap->n_entries &&
                    is_before(&heap->entries[child + 1], &heap->entries[child]))
                        child++;
                if (!is_before(&heap->entries[child], &last))
                        break;
                heap->entries[at] = heap->entries[child];
                at = child;
        }
        heap->entries[at] = last;
        return first;
}
