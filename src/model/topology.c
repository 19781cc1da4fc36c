/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See topology.h. */

#include "model/topology.h"

#include <search.h>

#include "base/names.h"

static const char *const device_kind_table[_DEVICE_KIND_MAX] = {
        [DEVICE_HOST_BRIDGE] = "host bridge",
        [DEVICE_BRIDGE] = "bridge",
        [DEVICE_VMD] = "VMD",
        [DEVICE_CONTROLLER] = "controller",
        [DEVICE_FOREIGN] = "foreign controller",
        [DEVICE_FABRICS] = "fabrics",
};

static const char *const use_kind_table[_USE_KIND_MAX] = {
        [USE_NONE] = "none",   [USE_UNKNOWN] = "unknown", [USE_OPEN] = "open",
        [USE_CLAIM] = "claim", [USE_TARGET] = "target",   [USE_HOLDER] = "holder",
        [USE_BTRFS] = "btrfs", [USE_SWAP] = "swap",       [USE_MOUNT] = "mount",
        [USE_ROOT] = "root",
};

const char *device_kind_to_string(DeviceKind kind) {
        return NAME_OF(device_kind_table, kind);
}

const char *use_kind_to_string(UseKind kind) {
        return NAME_OF(use_kind_table, kind);
}

bool device_is_undriven(const Device *device) {
        return device->kind == DEVICE_FOREIGN && !device->controller->driver;
}

/* "deleting", or "deleting (no IO)" once its namespaces are gone (nvme_state_show(), 6.1). */
bool controller_is_going(const Controller *controller) {
        return controller->state && STARTSWITH(controller->state, "deleting");
}

/* Of the index. Borrows the element's name. */
typedef struct IndexEntry {
        const char *name;
        dev_t devnum;
        size_t element;
} IndexEntry;

typedef int (*IndexCompare)(const void *a, const void *b);

static int compare_names(const void *a, const void *b) {
        return strcmp(((const IndexEntry *) a)->name, ((const IndexEntry *) b)->name);
}

static int compare_devnums(const void *a, const void *b) {
        return CMP(((const IndexEntry *) a)->devnum, ((const IndexEntry *) b)->devnum);
}

/* The first of equal elements stays. */
static int index_add(void **tree, IndexEntry entry, IndexCompare compare) {
        IndexEntry *copy, **found;

        copy = malloc(sizeof(IndexEntry));
        if (!copy)
                return -ENOMEM;
        *copy = entry;
        found = tsearch(copy, tree, compare);
        if (!found || *found != copy)
                free(copy);
        return found ? 0 : -ENOMEM;
}

static size_t index_find(void *const *tree, IndexEntry entry, IndexCompare compare) {
        IndexEntry *const *found = tfind(&entry, tree, compare);

        return found ? (*found)->element : TOPOLOGY_NONE;
}

static int index_device(Topology *topology, const Device *device, size_t i) {
        return index_add(&topology->index.addresses,
                         (IndexEntry){ .name = device->address, .element = i }, compare_names);
}

static int index_block(Topology *topology, const Block *block, size_t i) {
        IndexEntry entry = { .name = block->name, .devnum = block->devnum, .element = i };
        int r;

        r = index_add(&topology->index.names, entry, compare_names);
        if (r < 0)
                return r;
        return index_add(&topology->index.devnums, entry, compare_devnums);
}

static void index_clear(Topology *topology) {
        tdestroy(topology->index.addresses, free);
        tdestroy(topology->index.names, free);
        tdestroy(topology->index.devnums, free);
        topology->index.addresses = topology->index.names = topology->index.devnums = NULL;
}

static void controller_free(Controller *controller) {
        if (!controller)
                return;
        free(controller->name);
        free(controller->model);
        free(controller->serial);
        free(controller->nqn);
        free(controller->transport);
        free(controller->state);
        free(controller->driver);
        free(controller->use.detail);
        free(controller);
}

static void device_done(Device *device) {
        free(device->address);
        controller_free(device->controller);
}

static void block_done(Block *block) {
        free(block->name);
        free(block->users);
        free(block->controllers);
        free(block->use.detail);
}

void topology_done(Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++)
                device_done(&topology->devices[i]);
        for (size_t i = 0; i < topology->n_blocks; i++)
                block_done(&topology->blocks[i]);
        free(topology->devices);
        free(topology->blocks);
        index_clear(topology);
        *topology = TOPOLOGY_INIT;
}

/* Doubles the array when its length is a power of two, so no capacity has to be stored. */
static void *array_grow(void *array, size_t n, size_t element) {
        if (n > 0 && (n & (n - 1)) != 0)
                return array;
        return reallocarray(array, n ? 2 * n : 1, element);
}

ssize_t topology_add_device(Topology *topology, DeviceKind kind, const char *address) {
        Device device = { .kind = kind, .parent = TOPOLOGY_NONE, .physfn = TOPOLOGY_NONE };
        Device *devices;

        devices = array_grow(topology->devices, topology->n_devices, sizeof(Device));
        if (!devices)
                return -ENOMEM;
        topology->devices = devices;
        if (kind == DEVICE_CONTROLLER || kind == DEVICE_FOREIGN) {
                device.controller = calloc(1, sizeof(Controller));
                if (!device.controller)
                        return -ENOMEM;
        }
        device.address = strdup(address);
        if (!device.address || index_device(topology, &device, topology->n_devices) < 0) {
                device_done(&device);
                return -ENOMEM;
        }
        devices[topology->n_devices] = device;
        return (ssize_t) topology->n_devices++;
}

ssize_t topology_add_block(Topology *topology, BlockKind kind, const char *name, dev_t devnum) {
        Block *blocks, *block;

        blocks = array_grow(topology->blocks, topology->n_blocks, sizeof(Block));
        if (!blocks)
                return -ENOMEM;
        topology->blocks = blocks;
        block = &blocks[topology->n_blocks];
        *block = (Block){ .kind = kind, .devnum = devnum, .name = strdup(name) };
        if (!block->name || index_block(topology, block, topology->n_blocks) < 0) {
                block_done(block);
                return -ENOMEM;
        }
        return (ssize_t) topology->n_blocks++;
}

size_t topology_find_device(const Topology *topology, const char *address) {
        return index_find(&topology->index.addresses, (IndexEntry){ .name = address },
                          compare_names);
}

size_t topology_find_block(const Topology *topology, const char *name) {
        return index_find(&topology->index.names, (IndexEntry){ .name = name }, compare_names);
}

/* 0 stands for a number that is not known. */
size_t topology_find_devnum(const Topology *topology, dev_t devnum) {
        if (devnum == 0)
                return TOPOLOGY_NONE;
        return index_find(&topology->index.devnums, (IndexEntry){ .devnum = devnum },
                          compare_devnums);
}

static int add_to_set(size_t **set, size_t *n, size_t value) {
        size_t *larger;

        for (size_t i = 0; i < *n; i++)
                if ((*set)[i] == value)
                        return 0;
        larger = array_grow(*set, *n, sizeof(size_t));
        if (!larger)
                return -ENOMEM;
        *set = larger;
        larger[(*n)++] = value;
        return 0;
}

int topology_link_user(Topology *topology, size_t block, size_t user) {
        Block *b = &topology->blocks[block];

        return add_to_set(&b->users, &b->n_users, user);
}

int topology_link_controller(Topology *topology, size_t block, size_t device) {
        Block *b = &topology->blocks[block];

        return add_to_set(&b->controllers, &b->n_controllers, device);
}

bool block_leads_to(const Block *block, size_t device) {
        for (size_t i = 0; i < block->n_controllers; i++)
                if (block->controllers[i] == device)
                        return true;
        return false;
}

void use_raise(Use *use, UseKind kind, char *detail) {
        if (kind <= use->kind) {
                free(detail);
                return;
        }
        free(use->detail);
        *use = (Use){ .kind = kind, .detail = detail };
}

/* Compares runs of hexadecimal digits as numbers and all else as text, so that "10000:00:02.0"
 * follows "0000:ff:00.0"; equal only for equal strings. */
static int compare_addresses(const char *a, const char *b) {
        static const char digits[] = "0123456789abcdef";
        const char *first = a, *second = b;

        while (*a && *b) {
                size_t n, m;

                while (*a == '0' && a[1] && strchr(digits, a[1]))
                        a++;
                while (*b == '0' && b[1] && strchr(digits, b[1]))
                        b++;
                n = strspn(a, digits);
                m = strspn(b, digits);
                if (n != m)
                        return CMP(n, m);
                if (n == 0)
                        n = 1;
                if (strncmp(a, b, n) != 0)
                        return strncmp(a, b, n);
                a += n;
                b += n;
        }
        if (*a || *b)
                return *a ? 1 : -1;
        return strcmp(first, second);
}

/* strverscmp() puts nvme2 before nvme10. */
static int compare_devices(const void *a, const void *b, void *userdata) {
        const Device *devices = userdata;
        const Device *x = &devices[*(const size_t *) a], *y = &devices[*(const size_t *) b];

        return compare_addresses(x->address, y->address);
}

static int compare_blocks(const void *a, const void *b, void *userdata) {
        const Block *blocks = userdata;
        const Block *x = &blocks[*(const size_t *) a], *y = &blocks[*(const size_t *) b];

        return strverscmp(x->name, y->name);
}

static int compare_indices(const void *a, const void *b) {
        return CMP(*(const size_t *) a, *(const size_t *) b);
}

/* Sorts n elements of size bytes. The new index of old element i is at [i] of the result, which the
 * caller frees; NULL if there is no memory. */
static size_t *sort_elements(void *elements, size_t n, size_t size,
                             int (*compare)(const void *, const void *, void *)) {
        _cleanup_free_ size_t *order = NULL, *moved = NULL;
        _cleanup_free_ char *copy = NULL;
        char *target = elements;

        order = calloc(n + 1, sizeof(size_t));
        moved = calloc(n + 1, sizeof(size_t));
        copy = calloc(n + 1, size);
        if (!order || !moved || !copy)
                return NULL;
        if (n == 0)
                return TAKE_PTR(moved);
        for (size_t i = 0; i < n; i++)
                order[i] = i;
        qsort_r(order, n, sizeof(size_t), compare, elements);
        memcpy(copy, elements, n * size);
        for (size_t i = 0; i < n; i++) {
                moved[order[i]] = i;
                memcpy(target + i * size, copy + order[i] * size, size);
        }
        return TAKE_PTR(moved);
}

static void rewrite_list(size_t *list, size_t n, const size_t *moved) {
        for (size_t i = 0; i < n; i++)
                list[i] = moved[list[i]];
        if (n > 1)
                qsort(list, n, sizeof(size_t), compare_indices);
}

static void rewrite_indices(Topology *topology, const size_t *devices, const size_t *blocks) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                Device *d = &topology->devices[i];

                if (d->parent != TOPOLOGY_NONE)
                        d->parent = devices[d->parent];
                if (d->physfn != TOPOLOGY_NONE)
                        d->physfn = devices[d->physfn];
        }
        for (size_t i = 0; i < topology->n_blocks; i++) {
                Block *b = &topology->blocks[i];

                rewrite_list(b->users, b->n_users, blocks);
                rewrite_list(b->controllers, b->n_controllers, devices);
        }
}

static int index_all(Topology *topology) {
        int r;

        index_clear(topology);
        for (size_t i = 0; i < topology->n_devices; i++) {
                r = index_device(topology, &topology->devices[i], i);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < topology->n_blocks; i++) {
                r = index_block(topology, &topology->blocks[i], i);
                if (r < 0)
                        return r;
        }
        return 0;
}

int topology_sort(Topology *topology) {
        _cleanup_free_ size_t *devices = NULL, *blocks = NULL;

        devices = sort_elements(topology->devices, topology->n_devices, sizeof(Device),
                                compare_devices);
        blocks = sort_elements(topology->blocks, topology->n_blocks, sizeof(Block), compare_blocks);
        if (!devices || !blocks)
                return -ENOMEM;
        rewrite_indices(topology, devices, blocks);
        return index_all(topology);
}
