/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "plan/selection.h"
#include "topology_builder.h"

static Topology topology;
static const Device *device;

static void setup(void) {
        size_t i = build_nvme(&topology, "nvme1", "0000:0a:00.0", NULL);

        topology.devices[i].controller->nqn = strdup("nqn.2019-08.org.qemu:ab12");
        device = &topology.devices[i];
}

static void teardown(void) {
        topology_done(&topology);
}

TestSuite(selection, .init = setup, .fini = teardown, .timeout = 10);

Test(selection, compares_each_of_five_names_in_any_case) {
        static const char *const globs[] = {
                "nvme1", "NVME1",   "nvme[0-3]", "0000:0a:00.0",           "0000:0A:*", "Test",
                "t?st",  "S-nvme1", "s-NVME1",   "nqn.2019-08.org.qemu:*", "*:AB12",    "*"
        };
        static const char *const others[] = { "nvme",    "nvme10", "nvme11",
                                              "0a:00.0", "S1",     "nqn.2019-08.org.qemu:",
                                              "pcie",    "live",   "" };

        for (size_t i = 0; i < ARRAY_SIZE(globs); i++)
                cr_expect(selection_matches(globs[i], device), "%s", globs[i]);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                cr_expect(not(selection_matches(others[i], device)), "%s", others[i]);
}

Test(selection, a_missing_name_is_matched_by_nothing) {
        Controller *c = device->controller;

        free(c->model);
        free(c->serial);
        free(c->nqn);
        c->model = c->serial = c->nqn = NULL;
        cr_expect(not(selection_matches("", device)));
        cr_expect(selection_matches("*", device));
}

Test(selection, finds_the_first_that_matches) {
        char *globs[] = { "nvme2", "nvme1", "*", NULL }, *none[] = { "nvme2", NULL };

        cr_expect(eq(ptr, (void *) selection_find(globs, device), globs[1]));
        cr_expect(eq(ptr, (void *) selection_find(none, device), NULL));
        cr_expect(eq(ptr, (void *) selection_find(NULL, device), NULL));
}
