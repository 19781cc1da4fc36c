/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree that "lspci -tv" has drawn on a foreign machine. */

#include "fuzz.h"
#include "lspci_tree.h"

/* A forest in which each controller has what others rely on. */
static void require_forest(const Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                size_t depth = 0;

                REQUIRE(topology_find_device(topology, d->address) == i);
                REQUIRE(d->kind != DEVICE_CONTROLLER ||
                        (d->controller && d->controller->name && d->controller->model));
                for (size_t at = d->parent; at != TOPOLOGY_NONE; at = topology->devices[at].parent)
                        REQUIRE(at < topology->n_devices && depth++ < topology->n_devices);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Topology topology = TOPOLOGY_INIT;
        char why[512] = "", *text;
        int r;

        text = strndup((const char *) data, size);
        REQUIRE(text);
        r = lspci_tree_read("lspci", text, &topology, why, sizeof(why));
        if (r < 0)
                fuzz_require_why(r, why);
        else {
                REQUIRE(topology_sort(&topology) == 0);
                require_forest(&topology);
        }
        topology_done(&topology);
        free(text);
        return 0;
}
