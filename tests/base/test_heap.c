/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/heap.h"

Test(heap, pops_by_key_and_then_by_order, .timeout = 10) {
        uint64_t state = 42, key = 0, order = 0;
        Heap heap;

        cr_assert(eq(int, heap_init(&heap, 1000), 0));
        for (size_t i = 0; i < 1000; i++) {
                state = state * 6364136223846793005U + 1442695040888963407U;
                heap_push(&heap, (HeapEntry){ .key = state >> 60, .order = i, .value = 1000 - i });
        }
        for (size_t i = 0; i < 1000; i++) {
                HeapEntry first = heap_first(&heap), entry = heap_pop(&heap);

                cr_assert(eq(sz, first.value, entry.value));
                cr_assert(eq(sz, entry.value, 1000 - entry.order));
                if (i > 0)
                        cr_assert(entry.key > key || (entry.key == key && entry.order > order));
                key = entry.key;
                order = entry.order;
        }
        cr_expect(eq(sz, heap.n_entries, 0));
        heap_done(&heap);
}
