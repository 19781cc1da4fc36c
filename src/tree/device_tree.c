/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See device_tree.h. */

#include "tree/device_tree.h"

#include <fcntl.h>
#include <limits.h>

#include "base/file.h"
#include "tree/block_links.h"

#define CLASS_NVME "0x010802" /* PCI class: mass storage, NVM, NVM Express */
#define FABRICS_ROOT "nvme-fabrics"

typedef struct Tree {
        int root_fd;
        Topology topology;
        BlockList blocks;
} Tree;

typedef int (*TreeVisit)(Tree *tree, const char *syspath);
typedef bool (*TreeSkip)(const Tree *tree, const char *name);

static void tree_done(Tree *tree) {
        topology_done(&tree->topology);
        block_list_done(&tree->blocks);
}

#define _cleanup_tree_ _cleanup_(tree_done)

/* Turns "../../devices/pci0000:00/..." into a path relative to the root directory. NULL if the link
 * leads elsewhere, or with errno = ENOMEM. */
static char *device_path(const char *target) {
        char *path;

        while (STARTSWITH(target, "../"))
                target += 3;
        if (!STARTSWITH(target, "devices/"))
                return NULL;
        return asprintf(&path, "sys/%s", target) < 0 ? NULL : path;
}

/* Calls visit for each device that a class or bus has a link to, with the device's path relative to
 * the root directory. skip: returns true for devices to leave out; may be NULL. */
static int tree_visit(Tree *tree, const char *list, TreeSkip skip, TreeVisit visit) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        r = file_opendir(tree->root_fd, list, &dir);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        while ((name = file_readdir(dir, &r))) {
                _cleanup_free_ char *path = NULL;
                char target[PATH_MAX];
                ssize_t n;

                if (skip && skip(tree, name))
                        continue;
                n = readlinkat(dirfd(dir), name, target, sizeof(target) - 1);
                if (n < 0) {
                        if (errno == ENOENT || errno == EINVAL) /* it has vanished; not a link */
                                continue;
                        return -errno;
                }
                target[n] = '\0';
                errno = 0;
                path = device_path(target);
                if (!path && errno == ENOMEM)
                        return -ENOMEM;
                r = path ? visit(tree, path) : 0;
                if (r < 0)
                        return r;
        }
        return r;
}

/* A host bridge's directory is named like "pci0000:00". */
static bool is_host_bridge(const char *name) {
        unsigned domain, bus;
        int end = 0;

        return sscanf(name, "pci%x:%2x%n", &domain, &bus, &end) == 2 && name[end] == '\0';
}

static bool is_pci_function(const char *name) {
        unsigned domain, bus, device, function;
        int end = 0;

        return sscanf(name, "%x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) == 4 &&
               name[end] == '\0';
}

/* Adds a device below *parent, unless it was added before, and makes it the new *parent. */
static int add_parent(Tree *tree, DeviceKind kind, const char *address, size_t *parent) {
        size_t found = topology_find_device(&tree->topology, address);

        if (found == TOPOLOGY_NONE) {
                ssize_t added = topology_add_device(&tree->topology, kind, address);

                if (added < 0)
                        return (int) added;
                found = (size_t) added;
                tree->topology.devices[found].parent = *parent;
        }
        *parent = found;
        return 0;
}

/* The PCI function at the lower end of a device's path. */
typedef struct Endpoint {
        char *address; /* NULL: not on PCI */
        char *path;
        size_t parent; /* the device above it, or TOPOLOGY_NONE */
} Endpoint;

static void endpoint_done(Endpoint *endpoint) {
        free(endpoint->address);
        free(endpoint->path);
}

#define _cleanup_endpoint_ _cleanup_(endpoint_done)

static int endpoint_set(Endpoint *endpoint, const char *address, const char *path, size_t length) {
        endpoint_done(endpoint);
        endpoint->address = strdup(address);
        endpoint->path = strndup(path, length);
        return endpoint->address && endpoint->path ? 0 : -ENOMEM;
}

/* Walks down a path like "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/nvme/nvme0" and adds
 * each host bridge and bridge on it. A function with a host bridge below it is a VMD endpoint. */
static int add_path(Tree *tree, const char *syspath, Endpoint *endpoint) {
        _cleanup_free_ char *copy = strdup(syspath);
        char *rest = copy, *name;
        int r;

        if (!copy)
                return -ENOMEM;
        endpoint->parent = TOPOLOGY_NONE;
        while ((name = strsep(&rest, "/"))) {
                bool is_host = is_host_bridge(name);

                if (!is_host && !is_pci_function(name))
                        continue;
                if (endpoint->address) {
                        r = add_parent(tree, is_host ? DEVICE_VMD : DEVICE_BRIDGE,
                                       endpoint->address, &endpoint->parent);
                        if (r < 0)
                                return r;
                }
                if (is_host) {
                        endpoint_done(endpoint);
                        endpoint->address = endpoint->path = NULL;
                        r = add_parent(tree, DEVICE_HOST_BRIDGE, name, &endpoint->parent);
                } else
                        r = endpoint_set(endpoint, name, syspath,
                                         (size_t) (name - copy) + strlen(name));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* *ret_text stays NULL if the attribute is missing, blank or not text. 0 or -ENOMEM. */
static int read_controller_string(int dir_fd, const char *name, char **ret_text) {
        char text[FILE_ATTRIBUTE_MAX];

        if (file_read_printable(dir_fd, name, text, sizeof(text)) < 0 || !*text)
                return 0;
        *ret_text = strdup(text);
        return *ret_text ? 0 : -ENOMEM;
}

static int read_driver(int root_fd, const Endpoint *endpoint, char **ret_driver) {
        int r = 0;

        if (endpoint->path)
                r = file_link_name(root_fd, endpoint->path, "driver", ret_driver);
        return r == -ENOMEM ? r : 0;
}

static int fill_controller(Tree *tree, Controller *controller, const char *name, int dir_fd,
                           const Endpoint *endpoint) {
        const struct {
                const char *name;
                char **target;
        } attributes[] = {
                { "model", &controller->model },         { "serial", &controller->serial },
                { "subsysnqn", &controller->nqn },       { "state", &controller->state },
                { "transport", &controller->transport },
        };

        controller->name = strdup(name);
        if (!controller->name)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
                int r = read_controller_string(dir_fd, attributes[i].name, attributes[i].target);

                if (r < 0)
                        return r;
        }
        return read_driver(tree->root_fd, endpoint, &controller->driver);
}

static int visit_controller(Tree *tree, const char *syspath) {
        _cleanup_endpoint_ Endpoint endpoint = {};
        const char *name = strrchr(syspath, '/') + 1;
        _cleanup_close_ int dir_fd = -1;
        ssize_t device;
        int r;

        dir_fd = openat(tree->root_fd, syspath, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
                return file_is_gone(-errno) ? 0 : -errno;
        r = add_path(tree, syspath, &endpoint);
        if (r < 0)
                return r;
        if (!endpoint.address && strstr(syspath, "/" FABRICS_ROOT "/")) {
                endpoint.parent = TOPOLOGY_NONE;
                r = add_parent(tree, DEVICE_FABRICS, FABRICS_ROOT, &endpoint.parent);
                if (r < 0)
                        return r;
        }
        device = topology_add_device(&tree->topology, DEVICE_CONTROLLER, endpoint.address ?: name);
        if (device < 0)
                return (int) device;
        tree->topology.devices[device].parent = endpoint.parent;
        return fill_controller(tree, tree->topology.devices[device].controller, name, dir_fd,
                               &endpoint);
}

/* Whether this is a controller's function or a bridge above one. */
static bool is_known_function(const Tree *tree, const char *address) {
        return topology_find_device(&tree->topology, address) != TOPOLOGY_NONE;
}

/* An NVMe function without a controller in /sys/class/nvme has another driver or none. */
static int visit_function(Tree *tree, const char *syspath) {
        _cleanup_endpoint_ Endpoint endpoint = {};
        _cleanup_free_ char *class = NULL;
        Controller *controller;
        ssize_t device;
        int r;

        r = file_read_at(tree->root_fd, syspath, "class", &class);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        if (!STREQ(class, CLASS_NVME))
                return 0;
        r = add_path(tree, syspath, &endpoint);
        if (r < 0 || !endpoint.address)
                return r;
        device = topology_add_device(&tree->topology, DEVICE_FOREIGN, endpoint.address);
        if (device < 0)
                return (int) device;
        tree->topology.devices[device].parent = endpoint.parent;
        controller = tree->topology.devices[device].controller;
        controller->name = strdup(endpoint.address);
        if (!controller->name)
                return -ENOMEM;
        return read_driver(tree->root_fd, &endpoint, &controller->driver);
}

static int visit_block(Tree *tree, const char *syspath) {
        return block_list_add(&tree->blocks, tree->root_fd, syspath);
}

/* Without SR-IOV there is no such attribute, and *ret stays 0. */
static int read_n_vfs(int root_fd, const char *dir, unsigned *ret) {
        _cleanup_free_ char *text = NULL;
        unsigned long n;
        char *end;
        int r;

        r = file_read_at(root_fd, dir, "sriov_numvfs", &text);
        if (r == -ENOMEM || file_is_gone(r))
                return r == -ENOMEM ? r : 0;
        errno = 0;
        n = r < 0 ? ULONG_MAX : strtoul(text, &end, 10);
        *ret = r < 0 || errno || end == text || *end || n > UINT_MAX ? UINT_MAX : (unsigned) n;
        return 0;
}

static int link_physical_functions(Tree *tree) {
        for (size_t i = 0; i < tree->topology.n_devices; i++) {
                Device *device = &tree->topology.devices[i];
                _cleanup_free_ char *dir = NULL, *physfn = NULL;
                int r = 0;

                if (!device->controller)
                        continue;
                if (asprintf(&dir, "sys/bus/pci/devices/%s", device->address) < 0)
                        return -ENOMEM;
                /* Then the kernel would wait for the device's lock (sriov_numvfs_show(), 5.12), and
                 * with it for the end of the shutdown. */
                if (controller_is_going(device->controller))
                        device->n_vfs = UINT_MAX;
                else
                        r = read_n_vfs(tree->root_fd, dir, &device->n_vfs);
                if (r < 0)
                        return r;
                r = file_link_name(tree->root_fd, dir, "physfn", &physfn);
                if (r == -ENOMEM)
                        return r;
                if (r >= 0)
                        device->physfn = topology_find_device(&tree->topology, physfn);
        }
        return 0;
}

static int read_devices(Tree *tree) {
        int r;

        r = tree_visit(tree, "sys/class/nvme", NULL, visit_controller);
        if (r < 0)
                return r;
        r = tree_visit(tree, "sys/bus/pci/devices", is_known_function, visit_function);
        if (r < 0)
                return r;
        return link_physical_functions(tree);
}

static int read_blocks(Tree *tree) {
        int r;

        r = tree_visit(tree, "sys/class/block", NULL, visit_block);
        if (r < 0)
                return r;
        r = block_list_ask_loops(&tree->blocks, tree->root_fd);
        if (r < 0)
                return r;
        return block_list_link(&tree->blocks, tree->root_fd, &tree->topology);
}

int device_tree_read(int root_fd, Topology *ret) {
        _cleanup_tree_ Tree tree = { .root_fd = root_fd };
        int r;

        r = read_devices(&tree);
        if (r < 0)
                return r;
        r = read_blocks(&tree);
        if (r < 0)
                return r;
        r = topology_sort(&tree.topology);
        if (r < 0)
                return r;
        *ret = tree.topology;
        tree.topology = TOPOLOGY_INIT;
        return 0;
}
