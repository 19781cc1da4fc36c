/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A parser and the tree it plants; see generate.h. */

#include "trial/generate.h"

#include <stdarg.h>

#define LEVELS_MAX 32
#define VIRTUAL_FUNCTIONS_MAX 65535 /* NumVFs is a 16 bit register */
#define SUBSYSTEM_CONTROLLERS_MAX 256

typedef enum LevelKind {
        LEVEL_HOST,
        LEVEL_VMD,
        LEVEL_SWITCH,
        LEVEL_NVME,
        _LEVEL_KIND_MAX,
} LevelKind;

static const char *const level_table[_LEVEL_KIND_MAX] = {
        [LEVEL_HOST] = "host",
        [LEVEL_VMD] = "vmd",
        [LEVEL_SWITCH] = "switch",
        [LEVEL_NVME] = "nvme",
};

typedef struct Level {
        LevelKind kind;
        unsigned count;
        unsigned ports;             /* of a switch */
        unsigned virtual_functions; /* of each nvme */
        unsigned n_controllers;     /* in each subsystem */
} Level;

typedef struct Generator {
        Topology topology;
        const char *spec, *at;
        char *why;
        size_t why_size;
        Level levels[LEVELS_MAX];
        size_t n_levels;
        unsigned n_domains;
        unsigned n_vmd_domains;
        unsigned n_names;
        unsigned n_subsystems;
} Generator;

/* Where the next device goes: below parent, on a bus of a domain. */
typedef struct Place {
        size_t parent;
        unsigned domain;
        unsigned bus;
        unsigned slot;     /* the next free one on that bus */
        unsigned *n_buses; /* of the domain */
} Place;

static int refuse(Generator *g, int error, const char *format, ...) _printf_(3, 4);
static int refuse(Generator *g, int error, const char *format, ...) {
        char what[128];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(what, sizeof(what), format, args);
        va_end(args);
        (void) snprintf(g->why, g->why_size, "at character %zu (\"%.20s\"): %s",
                        (size_t) (g->at - g->spec) + 1, g->at, what);
        return error;
}

static int parse_number(Generator *g, unsigned max, unsigned *ret) {
        unsigned long value;
        char *end;

        if (*g->at < '0' || *g->at > '9')
                return refuse(g, -EINVAL, "a number is missing");
        errno = 0;
        value = strtoul(g->at, &end, 10);
        if (errno || value < 1 || value > max)
                return refuse(g, -EINVAL, "must be a number from 1 to %u", max);
        g->at = end;
        *ret = (unsigned) value;
        return 0;
}

static bool skip(Generator *g, const char *word) {
        if (!STARTSWITH(g->at, word))
                return false;
        g->at += strlen(word);
        return true;
}

static int parse_options(Generator *g, Level *level) {
        do {
                int r;

                if (skip(g, "vf="))
                        r = parse_number(g, VIRTUAL_FUNCTIONS_MAX, &level->virtual_functions);
                else if (skip(g, "ctrl="))
                        r = parse_number(g, SUBSYSTEM_CONTROLLERS_MAX, &level->n_controllers);
                else
                        return refuse(g, -EINVAL, "vf= or ctrl= is missing");
                if (r < 0)
                        return r;
        } while (skip(g, ","));
        return 0;
}

static int parse_kind(Generator *g, Level *level) {
        for (LevelKind kind = 0; kind < _LEVEL_KIND_MAX; kind++) {
                if (!skip(g, level_table[kind]))
                        continue;
                level->kind = kind;
                if (kind == LEVEL_SWITCH)
                        return skip(g, ":") ? parse_number(g, GENERATE_DEVICES_MAX, &level->ports)
                                            : refuse(g, -EINVAL,
                                                     "its number of ports is missing, "
                                                     "as in switch:24");
                return kind == LEVEL_NVME && skip(g, ":") ? parse_options(g, level) : 0;
        }
        return refuse(g, -EINVAL, "must be host, vmd, switch:N or nvme");
}

static int parse_level(Generator *g) {
        Level level = { .kind = LEVEL_NVME, .count = 1, .n_controllers = 1 };
        const Level *above = g->n_levels > 0 ? &g->levels[g->n_levels - 1] : NULL;
        const char *start = g->at;
        int r;

        if (g->n_levels >= LEVELS_MAX)
                return refuse(g, -EINVAL, "more than %d levels", LEVELS_MAX);
        if (above && above->kind == LEVEL_NVME)
                return refuse(g, -EINVAL, "nothing can stand below an nvme");
        if (*g->at >= '0' && *g->at <= '9') {
                r = parse_number(g, GENERATE_DEVICES_MAX, &level.count);
                if (r < 0)
                        return r;
                if (skip(g, "*"))
                        r = parse_kind(g, &level);
                else if (above)
                        return refuse(g, -EINVAL, "\"*\" and what there are so many of is missing");
        } else
                r = parse_kind(g, &level);
        if (r < 0)
                return r;
        if ((level.kind == LEVEL_HOST && above) ||
            (level.kind == LEVEL_VMD && above && above->kind != LEVEL_HOST)) {
                g->at = start;
                return refuse(g, -EINVAL, "%s can't stand there", level_table[level.kind]);
        }
        g->levels[g->n_levels++] = level;
        return 0;
}

static int add(Generator *g, DeviceKind kind, const Place *place, const char *address) {
        ssize_t added;

        if (g->topology.n_devices >= GENERATE_DEVICES_MAX)
                return refuse(g, -E2BIG, "more than %d devices", GENERATE_DEVICES_MAX);
        added = topology_add_device(&g->topology, kind, address);
        if (added < 0)
                return (int) added;
        g->topology.devices[added].parent = place->parent;
        return 0;
}

/* Takes a slot of the bus; leaves the new device's index as the topology's last. */
static int add_function(Generator *g, DeviceKind kind, Place *place) {
        char address[64];
        unsigned slot = place->slot++;

        (void) snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", place->domain, place->bus,
                        slot / 8, slot % 8);
        return add(g, kind, place, address);
}

static size_t last_device(const Generator *g) {
        return g->topology.n_devices - 1;
}

static int add_bridge(Generator *g, DeviceKind kind, Place *place, Place *ret_below) {
        int r = add_function(g, kind, place);

        *ret_below = (Place){
                .parent = last_device(g),
                .domain = place->domain,
                .bus = ++*place->n_buses,
                .n_buses = place->n_buses,
        };
        return r;
}

static int set_controller(Generator *g, unsigned subsystem) {
        Controller *c = g->topology.devices[last_device(g)].controller;
        char nqn[64], serial[32], name[32];

        (void) snprintf(name, sizeof(name), "nvme%u", g->n_names++);
        (void) snprintf(serial, sizeof(serial), "GEN%06u", subsystem);
        (void) snprintf(nqn, sizeof(nqn), "nqn.2014-08.org.nvmexpress:generated:%u", subsystem);
        c->name = strdup(name);
        c->model = strdup("Generated");
        c->serial = strdup(serial);
        c->nqn = strdup(nqn);
        c->transport = strdup("pcie");
        c->state = strdup("live");
        c->driver = strdup("nvme");
        return c->name && c->model && c->serial && c->nqn && c->transport && c->state && c->driver
                       ? 0
                       : -ENOMEM;
}

/* One subsystem: its controllers are functions of one device, behind each its virtual ones. */
static int plant_nvme(Generator *g, const Level *level, Place *place) {
        unsigned subsystem = g->n_subsystems++;
        char name[32];
        ssize_t block;
        int r = 0;

        (void) snprintf(name, sizeof(name), "nvme%un1", subsystem);
        block = topology_add_block(&g->topology, BLOCK_NAMESPACE, name, 0);
        if (block < 0)
                return (int) block;
        for (unsigned i = 0; i < level->n_controllers; i++) {
                size_t physfn = TOPOLOGY_NONE;

                for (unsigned k = 0; k <= level->virtual_functions && r >= 0; k++) {
                        r = add_function(g, DEVICE_CONTROLLER, place);
                        if (r >= 0)
                                r = set_controller(g, subsystem);
                        if (r < 0)
                                return r;
                        g->topology.devices[last_device(g)].physfn = physfn;
                        if (k > 0)
                                continue;
                        physfn = last_device(g);
                        r = topology_link_controller(&g->topology, (size_t) block, physfn);
                }
        }
        return r;
}

static int plant(Generator *g, size_t depth, Place *place, bool has_port);

/* A VMD is a domain of its own, whose root ports are below a host bridge of its own. */
static int plant_vmd(Generator *g, size_t depth, Place *place) {
        unsigned n_buses = 0;
        Place below = { .domain = 0x10000 + g->n_vmd_domains++, .n_buses = &n_buses };
        char address[32];
        int r = add_function(g, DEVICE_VMD, place);

        if (r < 0)
                return r;
        below.parent = last_device(g);
        (void) snprintf(address, sizeof(address), "pci%04x:00", below.domain);
        r = add(g, DEVICE_HOST_BRIDGE, &below, address);
        below.parent = last_device(g);
        return r < 0 ? r : plant(g, depth + 1, &below, false);
}

static int plant_switch(Generator *g, size_t depth, const Level *level, Place *place) {
        Place inside, below;
        int r = add_bridge(g, DEVICE_UPSTREAM_PORT, place, &inside);

        for (unsigned i = 0; i < level->ports && r >= 0; i++) {
                r = add_bridge(g, DEVICE_DOWNSTREAM_PORT, &inside, &below);
                if (r >= 0)
                        r = plant(g, depth + 1, &below, true);
        }
        return r;
}

static int plant_host(Generator *g, size_t depth) {
        unsigned n_buses = 0;
        Place below = { .domain = g->n_domains++, .n_buses = &n_buses };
        Place root = { .parent = TOPOLOGY_NONE };
        char address[32];
        int r;

        (void) snprintf(address, sizeof(address), "pci%04x:00", below.domain);
        r = add(g, DEVICE_HOST_BRIDGE, &root, address);
        below.parent = last_device(g);
        return r < 0 ? r : plant(g, depth, &below, false);
}

/* Plants the levels from depth on. A place without a port of its own, below a host bridge, gets a
 * root port for each thing that is put there. */
static int plant(Generator *g, size_t depth, Place *place, bool has_port) {
        const Level *level = &g->levels[depth];
        int r = 0;

        if (depth >= g->n_levels)
                return 0;
        for (unsigned i = 0; i < level->count && r >= 0; i++) {
                Place port, *target = place;

                if (!has_port && level->kind != LEVEL_VMD) {
                        r = add_bridge(g, DEVICE_ROOT_PORT, place, &port);
                        target = &port;
                }
                if (r < 0)
                        break;
                if (level->kind == LEVEL_VMD)
                        r = plant_vmd(g, depth, target);
                else if (level->kind == LEVEL_SWITCH)
                        r = plant_switch(g, depth, level, target);
                else
                        r = plant_nvme(g, level, target);
        }
        return r;
}

static int generate_tree(Generator *g) {
        int r;

        g->n_levels = 0;
        do {
                r = parse_level(g);
                if (r < 0)
                        return r;
        } while (skip(g, "/"));
        if (g->levels[0].kind != LEVEL_HOST)
                return plant_host(g, 0);
        for (unsigned i = 0; i < g->levels[0].count && r >= 0; i++)
                r = plant_host(g, 1);
        return r;
}

int topology_generate(const char *spec, Topology *ret, char *why, size_t why_size) {
        Generator g = { .spec = spec, .at = spec, .why = why, .why_size = why_size };
        int r;

        do
                r = generate_tree(&g);
        while (r >= 0 && skip(&g, "+"));
        if (r >= 0 && *g.at)
                r = refuse(&g, -EINVAL, "not understood");
        if (r >= 0)
                r = topology_sort(&g.topology);
        if (r < 0) {
                topology_done(&g.topology);
                return r;
        }
        *ret = g.topology;
        return 0;
}
