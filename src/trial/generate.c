/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See generate.h. */

#include "trial/generate.h"

static int parse_spec(const char *spec, unsigned *ret_hosts, unsigned *ret_ports) {
        unsigned long long hosts = 1, ports;
        const char *x = strchr(spec, 'x');
        char *end;

        /* strtoull() would take white space and signs. */
        if (spec[strspn(spec, "0123456789x")])
                return -EINVAL;
        errno = 0;
        if (x) {
                hosts = strtoull(spec, &end, 10);
                if (end != x)
                        return -EINVAL;
        }
        ports = strtoull(x ? x + 1 : spec, &end, 10);
        if (*end || errno || hosts < 1 || ports < 1 || hosts > GENERATE_CONTROLLERS_MAX ||
            ports > GENERATE_CONTROLLERS_MAX / hosts)
                return -EINVAL;
        *ret_hosts = (unsigned) hosts;
        *ret_ports = (unsigned) ports;
        return 0;
}

/* Returns the new device's index, or -errno. */
static ssize_t add_device(Topology *topology, DeviceKind kind, const char *address, size_t parent) {
        ssize_t added = topology_add_device(topology, kind, address);

        if (added >= 0)
                topology->devices[added].parent = parent;
        return added;
}

static int fill_controller(Controller *c, unsigned n) {
        if (asprintf(&c->name, "nvme%u", n) < 0)
                c->name = NULL;
        if (asprintf(&c->serial, "GEN%06u", n) < 0)
                c->serial = NULL;
        if (asprintf(&c->nqn, "nqn.2014-08.org.nvmexpress:generated:%u", n) < 0)
                c->nqn = NULL;
        c->model = strdup("Generated");
        c->transport = strdup("pcie");
        c->state = strdup("live");
        c->driver = strdup("nvme");
        return c->name && c->serial && c->nqn && c->model && c->transport && c->state && c->driver
                       ? 0
                       : -ENOMEM;
}

/* Adds the controller number n of the machine, with its root port and its namespace. */
static int add_controller(Topology *topology, size_t bridge, unsigned domain, unsigned port,
                          unsigned n) {
        ssize_t added, block;
        char name[64];
        int r;

        (void) snprintf(name, sizeof(name), "%04x:00:%02x.%x", domain, port / 8, port % 8);
        added = add_device(topology, DEVICE_BRIDGE, name, bridge);
        if (added < 0)
                return (int) added;
        (void) snprintf(name, sizeof(name), "%04x:%02x:00.0", domain, port + 1);
        added = add_device(topology, DEVICE_CONTROLLER, name, (size_t) added);
        if (added < 0)
                return (int) added;
        r = fill_controller(topology->devices[added].controller, n);
        if (r < 0)
                return r;
        (void) snprintf(name, sizeof(name), "nvme%un1", n);
        block = topology_add_block(topology, BLOCK_NAMESPACE, name, 0);
        if (block < 0)
                return (int) block;
        return topology_link_controller(topology, (size_t) block, (size_t) added);
}

int topology_generate(const char *spec, Topology *ret) {
        _cleanup_topology_ Topology topology = TOPOLOGY_INIT;
        unsigned hosts, ports;
        int r;

        r = parse_spec(spec, &hosts, &ports);
        if (r < 0)
                return r;
        for (unsigned host = 0; host < hosts; host++) {
                char address[32];
                ssize_t bridge;

                (void) snprintf(address, sizeof(address), "pci%04x:00", host);
                bridge = add_device(&topology, DEVICE_HOST_BRIDGE, address, TOPOLOGY_NONE);
                if (bridge < 0)
                        return (int) bridge;
                for (unsigned port = 0; port < ports; port++) {
                        r = add_controller(&topology, (size_t) bridge, host, port,
                                           host * ports + port);
                        if (r < 0)
                                return r;
                }
        }
        r = topology_sort(&topology);
        if (r < 0)
                return r;
        *ret = TAKE(topology, TOPOLOGY_INIT);
        return 0;
}
