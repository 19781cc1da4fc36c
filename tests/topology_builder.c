/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Adds devices with made-up properties; see topology_builder.h. */

#include "topology_builder.h"

#include <assert.h>
#include <sys/sysmacros.h>

static char *copy_string(const char *text) {
        char *s = text ? strdup(text) : NULL;

        assert(s || !text);
        return s;
}

static size_t add_device(Topology *t, DeviceKind kind, const char *address, const char *parent) {
        ssize_t i = topology_add_device(t, kind, address);

        assert(i >= 0);
        if (parent) {
                t->devices[i].parent = topology_find_device(t, parent);
                assert(t->devices[i].parent != TOPOLOGY_NONE);
        }
        return (size_t) i;
}

size_t build_bridge(Topology *t, DeviceKind kind, const char *address, const char *parent) {
        return add_device(t, kind, address, parent);
}

size_t build_nvme(Topology *t, const char *name, const char *address, const char *parent) {
        size_t i = add_device(t, DEVICE_CONTROLLER, address, parent);
        Controller *c = t->devices[i].controller;
        char serial[64];

        (void) snprintf(serial, sizeof(serial), "S-%s", name);
        c->name = copy_string(name);
        c->model = copy_string("Test");
        c->serial = copy_string(serial);
        c->transport = copy_string("pcie");
        c->state = copy_string("live");
        c->driver = copy_string("nvme");
        return i;
}

size_t build_foreign(Topology *t, const char *address, const char *parent, const char *driver) {
        size_t i = add_device(t, DEVICE_FOREIGN, address, parent);

        t->devices[i].controller->name = copy_string(address);
        t->devices[i].controller->driver = copy_string(driver);
        return i;
}

size_t build_block(Topology *t, BlockKind kind, const char *name, unsigned number, size_t below) {
        ssize_t block = topology_add_block(t, kind, name, makedev(259, number));

        if (block < 0 ||
            (below != TOPOLOGY_NONE && topology_link_user(t, below, (size_t) block) < 0))
                abort();
        return (size_t) block;
}

size_t build_namespace(Topology *t, const char *address, const char *name, unsigned number) {
        size_t block = build_block(t, BLOCK_NAMESPACE, name, number, TOPOLOGY_NONE);

        if (topology_link_controller(t, block, topology_find_device(t, address)) < 0)
                abort();
        return block;
}

void build_physfn(Topology *t, const char *virtual_function, const char *physical_function) {
        size_t vf = topology_find_device(t, virtual_function);
        size_t pf = topology_find_device(t, physical_function);

        assert(vf != TOPOLOGY_NONE && pf != TOPOLOGY_NONE);
        t->devices[vf].physfn = pf;
}

void build_use(Topology *t, const char *address, UseKind kind, const char *detail) {
        size_t i = topology_find_device(t, address);

        assert(i != TOPOLOGY_NONE);
        use_raise(&t->devices[i].controller->use, kind, copy_string(detail));
}

void build_switch_tree(Topology *t, unsigned seed) {
        static const struct {
                DeviceKind kind;
                const char *address, *parent, *name;
        } rows[] = {
                { DEVICE_HOST_BRIDGE, "pci0000:00", NULL, NULL },
                { DEVICE_BRIDGE, "0000:00:00.0", "pci0000:00", NULL },
                { DEVICE_CONTROLLER, "0000:01:00.0", "0000:00:00.0", "nvme0" },
                { DEVICE_BRIDGE, "0000:02:00.0", "0000:00:00.0", NULL },
                { DEVICE_BRIDGE, "0000:03:00.0", "0000:02:00.0", NULL },
                { DEVICE_BRIDGE, "0000:03:00.1", "0000:02:00.0", NULL },
                { DEVICE_CONTROLLER, "0000:04:00.0", "0000:03:00.0", "nvme1" },
                { DEVICE_CONTROLLER, "0000:05:00.0", "0000:03:00.1", "nvme2" },
        };
        size_t order[ARRAY_SIZE(rows)];

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                order[i] = i;
        for (size_t i = ARRAY_SIZE(rows) - 1; seed && i > 0; i--) {
                size_t k = (seed = seed * 1103515245U + 12345U) / 65536U % (i + 1), swap = order[i];

                order[i] = order[k];
                order[k] = swap;
        }
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                if (rows[order[i]].name)
                        (void) build_nvme(t, rows[order[i]].name, rows[order[i]].address, NULL);
                else
                        (void) build_bridge(t, rows[order[i]].kind, rows[order[i]].address, NULL);
        }
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                if (rows[i].parent)
                        t->devices[topology_find_device(t, rows[i].address)].parent =
                                topology_find_device(t, rows[i].parent);
}

Config build_config(void) {
        return (Config){
                .is_enabled = true,
                .stages = ~0U,
                .actions = ~0U,
                .order = ORDER_HIERARCHY,
                .timeout_usec = 40 * USEC_PER_SEC,
                .min_controllers = 2,
                .flush = true,
                .persist_log = PERSIST_LOG_AUTO,
        };
}
