/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The topology's memory and its order; see topology.h. */

#include "model/topology.h"

#include "base/names.h"

static const char *const device_kind_table[_DEVICE_KIND_MAX] = {
        [DEVICE_HOST_BRIDGE] = "host bridge",
        [DEVICE_ROOT_PORT] = "root port",
        [DEVICE_UPSTREAM_PORT] = "upstream port",
        [DEVICE_DOWNSTREAM_PORT] = "downstream port",
        [DEVICE_BRIDGE] = "bridge",
        [DEVICE_VMD] = "VMD",
        [DEVICE_CONTROLLER] = "controller",
        [DEVICE_FOREIGN] = "foreign controller",
        [DEVICE_FABRICS] = "fabrics",
};

static const char *const block_kind_table[_BLOCK_KIND_MAX] = {
        [BLOCK_NAMESPACE] = "namespace",
        [BLOCK_PARTITION] = "partition",
        [BLOCK_HOLDER] = "holder",
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

const char *block_kind_to_string(BlockKind kind) {
        return NAME_OF(block_kind_table, kind);
}

const char *use_kind_to_string(UseKind kind) {
        return NAME_OF(use_kind_table, kind);
}

bool device_is_undriven(const Device *device) {
        return device->kind == DEVICE_FOREIGN && !device->controller->driver;
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
        topology_index_done(&topology->index);
        *topology = TOPOLOGY_INIT;
}

/* Grows at powers of two, so that the array's length alone tells when. */
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
        if (!device.address ||
            topology_index_add_device(&topology->index, device.address, topology->n_devices) < 0) {
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
        if (!block->name || topology_index_add_block(&topology->index, block->name, devnum,
                                                     topology->n_blocks) < 0) {
                block_done(block);
                return -ENOMEM;
        }
        return (ssize_t) topology->n_blocks++;
}

size_t topology_find_device(const Topology *topology, const char *address) {
        return topology_index_find_address(&topology->index, address);
}

size_t topology_find_block(const Topology *topology, const char *name) {
        return topology_index_find_name(&topology->index, name);
}

size_t topology_find_devnum(const Topology *topology, dev_t devnum) {
        return devnum == 0 ? TOPOLOGY_NONE : topology_index_find_devnum(&topology->index, devnum);
}

static int index_set_add(size_t **set, size_t *n, size_t value) {
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

        return index_set_add(&b->users, &b->n_users, user);
}

int topology_link_controller(Topology *topology, size_t block, size_t device) {
        Block *b = &topology->blocks[block];

        return index_set_add(&b->controllers, &b->n_controllers, device);
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
static int address_compare(const char *a, const char *b) {
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
                        return n < m ? -1 : 1;
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
static int device_compare(const void *a, const void *b, void *userdata) {
        const Device *devices = userdata;
        const Device *x = &devices[*(const size_t *) a], *y = &devices[*(const size_t *) b];

        return address_compare(x->address, y->address);
}

static int block_compare(const void *a, const void *b, void *userdata) {
        const Block *blocks = userdata;
        const Block *x = &blocks[*(const size_t *) a], *y = &blocks[*(const size_t *) b];

        return strverscmp(x->name, y->name);
}

static int index_compare(const void *a, const void *b) {
        size_t x = *(const size_t *) a, y = *(const size_t *) b;

        return x < y ? -1 : x > y;
}

/* Sorts n elements and returns where each old index has gone; NULL for want of memory. */
static size_t *sort_elements(void *elements, size_t n, size_t size,
                             int (*compare)(const void *, const void *, void *)) {
        size_t *order, *moved;
        char *copy, *target = elements;

        order = calloc(n + 1, sizeof(size_t));
        moved = calloc(n + 1, sizeof(size_t));
        copy = calloc(n + 1, size);
        if (!order || !moved || !copy) {
                free(order);
                free(moved);
                free(copy);
                return NULL;
        }
        for (size_t i = 0; i < n; i++)
                order[i] = i;
        if (n > 0) {
                qsort_r(order, n, sizeof(size_t), compare, elements);
                memcpy(copy, elements, n * size);
        }
        for (size_t i = 0; i < n; i++) {
                moved[order[i]] = i;
                memcpy(target + i * size, copy + order[i] * size, size);
        }
        free(order);
        free(copy);
        return moved;
}

static void rewrite(size_t *list, size_t n, const size_t *moved) {
        for (size_t i = 0; i < n; i++)
                list[i] = moved[list[i]];
        if (n > 1)
                qsort(list, n, sizeof(size_t), index_compare);
}

static void rewrite_all(Topology *topology, const size_t *devices, const size_t *blocks) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                Device *d = &topology->devices[i];

                if (d->parent != TOPOLOGY_NONE)
                        d->parent = devices[d->parent];
                if (d->physfn != TOPOLOGY_NONE)
                        d->physfn = devices[d->physfn];
        }
        for (size_t i = 0; i < topology->n_blocks; i++) {
                Block *b = &topology->blocks[i];

                rewrite(b->users, b->n_users, blocks);
                rewrite(b->controllers, b->n_controllers, devices);
        }
}

static int index_all(Topology *topology) {
        int r = 0;

        topology_index_done(&topology->index);
        for (size_t i = 0; i < topology->n_devices && r >= 0; i++)
                r = topology_index_add_device(&topology->index, topology->devices[i].address, i);
        for (size_t i = 0; i < topology->n_blocks && r >= 0; i++)
                r = topology_index_add_block(&topology->index, topology->blocks[i].name,
                                             topology->blocks[i].devnum, i);
        return r;
}

int topology_sort(Topology *topology) {
        size_t *devices, *blocks;
        int r = -ENOMEM;

        devices = sort_elements(topology->devices, topology->n_devices, sizeof(Device),
                                device_compare);
        blocks = sort_elements(topology->blocks, topology->n_blocks, sizeof(Block), block_compare);
        if (devices && blocks) {
                rewrite_all(topology, devices, blocks);
                r = index_all(topology);
        }
        free(devices);
        free(blocks);
        return r;
}
