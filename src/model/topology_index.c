/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See topology_index.h. */

#include "model/topology_index.h"

#include <search.h>

typedef struct Entry {
        const char *name;
        dev_t devnum;
        size_t element;
} Entry;

static int compare_names(const void *a, const void *b) {
        return strcmp(((const Entry *) a)->name, ((const Entry *) b)->name);
}

static int compare_devnums(const void *a, const void *b) {
        dev_t x = ((const Entry *) a)->devnum, y = ((const Entry *) b)->devnum;

        return x < y ? -1 : x > y;
}

static int add(void **tree, Entry entry, int (*compare)(const void *, const void *)) {
        Entry *copy = malloc(sizeof(Entry));
        Entry **found;

        if (!copy)
                return -ENOMEM;
        *copy = entry;
        found = tsearch(copy, tree, compare);
        if (!found || *found != copy)
                free(copy);
        return found ? 0 : -ENOMEM;
}

static size_t find(void *const *tree, Entry entry, int (*compare)(const void *, const void *)) {
        Entry *const *found = tfind(&entry, tree, compare);

        return found ? (*found)->element : SIZE_MAX;
}

int topology_index_add_device(TopologyIndex *index, const char *address, size_t device) {
        return add(&index->addresses, (Entry){ .name = address, .element = device }, compare_names);
}

int topology_index_add_controller(TopologyIndex *index, const char *name, size_t device) {
        return add(&index->controllers, (Entry){ .name = name, .element = device }, compare_names);
}

int topology_index_add_block(TopologyIndex *index, const char *name, dev_t devnum, size_t block) {
        Entry entry = { .name = name, .devnum = devnum, .element = block };
        int r = add(&index->names, entry, compare_names);

        return r < 0 ? r : add(&index->devnums, entry, compare_devnums);
}

size_t topology_index_find_address(const TopologyIndex *index, const char *address) {
        return find(&index->addresses, (Entry){ .name = address }, compare_names);
}

size_t topology_index_find_controller(const TopologyIndex *index, const char *name) {
        return find(&index->controllers, (Entry){ .name = name }, compare_names);
}

size_t topology_index_find_name(const TopologyIndex *index, const char *name) {
        return find(&index->names, (Entry){ .name = name }, compare_names);
}

size_t topology_index_find_devnum(const TopologyIndex *index, dev_t devnum) {
        return find(&index->devnums, (Entry){ .devnum = devnum }, compare_devnums);
}

void topology_index_done(TopologyIndex *index) {
        tdestroy(index->addresses, free);
        tdestroy(index->controllers, free);
        tdestroy(index->names, free);
        tdestroy(index->devnums, free);
        *index = (TopologyIndex){};
}
