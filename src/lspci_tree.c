/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See lspci_tree.h. The drawing is that of pciutils 3.x, ls-tree.c: a branch is a '+', the last of
 * its twigs a '\', and both stand in the same column as the '|' in between. */

#include "lspci_tree.h"

#include <ctype.h>

#include "text.h"

#define BRANCHES_MAX 600
#define NODES_MAX 100000

typedef struct Node {
        char address[32];
        const char *name; /* into the text; NULL for bridges */
        size_t name_length;
        size_t parent; /* a node, or TOPOLOGY_NONE */
        bool is_host;
        size_t device; /* in the topology; TOPOLOGY_NONE: not there */
} Node;

typedef struct Bus {
        unsigned domain;
        unsigned number;
        size_t parent; /* a node */
} Bus;

typedef struct Branch {
        size_t column;
        Bus bus;
} Branch;

typedef struct Reader {
        const char *file;
        char *why;
        size_t why_size;
        const char *line; /* the current one, up to end */
        const char *end;
        size_t number; /* of it */
        Node *nodes;
        size_t n_nodes;
        Branch branches[BRANCHES_MAX];
        size_t n_branches;
} Reader;

static int refuse(Reader *r, const char *at, const char *what) {
        (void) snprintf(r->why, r->why_size, "%s:%zu:%zu: %s", r->file, r->number,
                        (size_t) (at - r->line) + 1, what);
        text_make_printable(r->why);
        return -EINVAL;
}

static int add_node(Reader *r, const Node *node) {
        Node *larger;

        if (r->n_nodes >= NODES_MAX)
                return refuse(r, r->line, "more than 100000 devices");
        if ((r->n_nodes & (r->n_nodes - 1)) == 0) {
                larger = reallocarray(r->nodes, r->n_nodes ? 2 * r->n_nodes : 1, sizeof(Node));
                if (!larger)
                        return -ENOMEM;
                r->nodes = larger;
        }
        r->nodes[r->n_nodes++] = *node;
        return 0;
}

/* Reads a hexadecimal number; false if there is none, or one of more than max digits. */
static bool read_hex(const char **at, size_t max, unsigned *ret) {
        const char *start = *at;

        *ret = 0;
        for (; isxdigit((unsigned char) **at); (*at)++)
                *ret = *ret * 16 + (unsigned) (**at <= '9' ? **at - '0' : (**at | 0x20) - 'a' + 10);
        return *at > start && (size_t) (*at - start) <= max;
}

static bool skip(const char **at, const char *end, char c) {
        if (*at >= end || **at != c)
                return false;
        (*at)++;
        return true;
}

/* "[0000:00]": the buses behind a host bridge, or one of several behind another one. */
static int read_bus(Reader *r, const char **at, Bus *bus) {
        Node node = { .parent = TOPOLOGY_NONE, .is_host = true, .device = TOPOLOGY_NONE };
        const char *start = *at;
        int e;

        if (!skip(at, r->end, '[') || !read_hex(at, 6, &bus->domain) || !skip(at, r->end, ':') ||
            !read_hex(at, 2, &bus->number) || !skip(at, r->end, ']'))
                return refuse(r, start, "should be a bus as in [0000:00]");
        if (bus->parent != TOPOLOGY_NONE)
                return 0;
        (void) snprintf(node.address, sizeof(node.address), "pci%04x:%02x", bus->domain,
                        bus->number);
        e = add_node(r, &node);
        bus->parent = r->n_nodes - 1;
        return e;
}

/* "01.0", and of a bridge "-[02-05]" behind it, which makes its bus the current one. 1: there is
 * more of the line to read. */
static int read_device(Reader *r, const char **at, Bus *bus) {
        Node node = { .parent = bus->parent, .device = TOPOLOGY_NONE };
        const char *start = *at;
        unsigned device, function, last;
        int e;

        if (!read_hex(at, 2, &device) || !skip(at, r->end, '.') || !read_hex(at, 1, &function))
                return refuse(r, start, "should be a device as in 1f.0");
        if (bus->parent == TOPOLOGY_NONE)
                return refuse(r, start, "a device before any [DOMAIN:BUS]");
        (void) snprintf(node.address, sizeof(node.address), "%04x:%02x:%02x.%x", bus->domain,
                        bus->number, device, function);
        if (r->end - *at > 2 && STARTSWITH(*at, "-[")) {
                *at += 2;
                if (!read_hex(at, 2, &bus->number) ||
                    (skip(at, r->end, '-') && !read_hex(at, 2, &last)) || !skip(at, r->end, ']'))
                        return refuse(r, start, "should be a bridge as in 1c.0-[02-05]");
                e = add_node(r, &node);
                bus->parent = r->n_nodes - 1;
                return e < 0 ? e : 1;
        }
        while (*at < r->end && **at == ' ')
                (*at)++;
        node.name = *at;
        node.name_length = (size_t) (r->end - *at);
        return add_node(r, &node);
}

/* From a branch or the line's beginning to its end. */
static int read_twig(Reader *r, const char *at, Bus bus) {
        int e;

        for (;;) {
                while (skip(&at, r->end, '-'))
                        ;
                if (at >= r->end)
                        return 0;
                if (*at == '+' || *at == '\\') {
                        if (r->n_branches >= BRANCHES_MAX)
                                return refuse(r, at, "too many branches");
                        r->branches[r->n_branches++] = (Branch){
                                .column = (size_t) (at - r->line),
                                .bus = bus,
                        };
                        at++;
                } else if (*at == '[') {
                        e = read_bus(r, &at, &bus);
                        if (e < 0)
                                return e;
                } else {
                        e = read_device(r, &at, &bus);
                        if (e <= 0)
                                return e;
                }
        }
}

static int read_line(Reader *r) {
        const char *at = r->line;
        size_t column;

        while (at < r->end && (*at == ' ' || *at == '|'))
                at++;
        if (at >= r->end)
                return 0;
        column = (size_t) (at - r->line);
        if (column == 0 && *at == '-') {
                r->n_branches = 0;
                return read_twig(r, at, (Bus){ .parent = TOPOLOGY_NONE });
        }
        if (*at != '+' && *at != '\\')
                return refuse(r, at, "is no line of a tree that lspci -tv has drawn");
        while (r->n_branches > 0 && r->branches[r->n_branches - 1].column > column)
                r->n_branches--;
        if (r->n_branches == 0 || r->branches[r->n_branches - 1].column != column)
                return refuse(r, at, "a twig without a branch above it");
        return read_twig(r, at + 1, r->branches[r->n_branches - 1].bus);
}

static bool name_has(const Node *node, const char *word) {
        return node->name && memmem(node->name, node->name_length, word, strlen(word));
}

static bool is_vmd(const Node *node) {
        return name_has(node, "Volume Management Device");
}

/* pci.ids has no classes, but most names say it. AHCI and SATA drives on PCIe are called SSD too.
 */
static bool is_nvme(const Node *node) {
        static const char *const words[] = { "NVMe", "NVM Express", "Non-Volatile memory", " SSD" };

        if (is_vmd(node) || name_has(node, "AHCI") || name_has(node, "SATA"))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (name_has(node, words[i]))
                        return true;
        return false;
}

/* The n-th domain of its own belongs to the n-th VMD, as the driver numbers them. */
static void attach_vmd_domains(Reader *r) {
        size_t vmd = 0;

        for (size_t i = 0; i < r->n_nodes; i++) {
                if (!r->nodes[i].is_host || strlen(r->nodes[i].address) <= strlen("pci0000:00"))
                        continue;
                while (vmd < r->n_nodes && !is_vmd(&r->nodes[vmd]))
                        vmd++;
                if (vmd < r->n_nodes)
                        r->nodes[i].parent = vmd++;
        }
}

/* By place: below a host bridge a root port; below that, or below a switch's lower side, its upper
 * side; below that its lower side. */
static DeviceKind kind_of(const Node *node, const Topology *topology, size_t parent) {
        if (node->is_host)
                return DEVICE_HOST_BRIDGE;
        if (is_vmd(node))
                return DEVICE_VMD;
        if (parent == TOPOLOGY_NONE)
                return DEVICE_BRIDGE;
        switch (topology->devices[parent].kind) {
        case DEVICE_HOST_BRIDGE:
                return DEVICE_ROOT_PORT;
        case DEVICE_UPSTREAM_PORT:
                return DEVICE_DOWNSTREAM_PORT;
        default:
                return DEVICE_UPSTREAM_PORT;
        }
}

static int fill_controller(Controller *c, const Node *node) {
        c->name = strdup(node->address);
        c->model = strndup(node->name, node->name_length);
        if (!c->name || !c->model)
                return -ENOMEM;
        text_make_printable(c->model);
        return 0;
}

/* Adds the node and all above it that are not there yet, from the top down. A parent can stand
 * behind its child only where a VMD's domain is drawn first; domains of domains do not exist, so
 * this ends. */
static int add_path(Reader *r, Topology *topology, size_t i, size_t depth) {
        Node *node = &r->nodes[i];
        size_t parent = TOPOLOGY_NONE;
        ssize_t device;

        if (node->device != TOPOLOGY_NONE)
                return 0;
        if (depth > BRANCHES_MAX)
                return refuse(r, r->line, "is deeper than any machine");
        if (node->parent != TOPOLOGY_NONE) {
                int e = add_path(r, topology, node->parent, depth + 1);

                if (e < 0)
                        return e;
                parent = r->nodes[node->parent].device;
        }
        if (topology_find_device(topology, node->address) != TOPOLOGY_NONE) {
                (void) snprintf(r->why, r->why_size, "%s: %s is there twice", r->file,
                                node->address);
                return -EINVAL;
        }
        device = topology_add_device(
                topology, is_nvme(node) ? DEVICE_CONTROLLER : kind_of(node, topology, parent),
                node->address);
        if (device < 0)
                return (int) device;
        node->device = (size_t) device;
        topology->devices[device].parent = parent;
        return is_nvme(node) ? fill_controller(topology->devices[device].controller, node) : 0;
}

static int read_lines(Reader *r, const char *text) {
        while (*text) {
                int e;

                r->line = text;
                r->end = text + strcspn(text, "\r\n");
                r->number++;
                e = read_line(r);
                if (e < 0)
                        return e;
                text = r->end + strspn(r->end, "\r");
                text += *text == '\n';
        }
        return 0;
}

/* Without -v there are no names, and nothing would be taken for NVMe. */
static int expect_names(const Reader *r) {
        for (size_t i = 0; i < r->n_nodes; i++)
                if (r->nodes[i].name_length > 0)
                        return 0;
        if (r->n_nodes == 0)
                return 0;
        (void) snprintf(r->why, r->why_size,
                        "%s: names no device: lspci -tv does, lspci -t does not", r->file);
        return -EINVAL;
}

int lspci_tree_read(const char *file, const char *text, Topology *topology, char *why,
                    size_t why_size) {
        Reader r = { .file = file, .why = why, .why_size = why_size };
        int e;

        e = read_lines(&r, text);
        if (e >= 0)
                e = expect_names(&r);
        if (e >= 0)
                attach_vmd_domains(&r);
        for (size_t i = 0; i < r.n_nodes && e >= 0; i++)
                if (is_nvme(&r.nodes[i]))
                        e = add_path(&r, topology, i, 0);
        free(r.nodes);
        return e;
}
