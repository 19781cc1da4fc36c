/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "show_table.h"
#include "topology_builder.h"

static Topology topology;
static Config config;
static Plan plan;

static void setup(void) {
        config = build_config();
        build_switch_tree(&topology, 3);
        build_use(&topology, "0000:01:00.0", USE_ROOT, "/dev/nvme0n1 is mounted on /");
        cr_assert(eq(int, topology_sort(&topology), 0));
}

static void teardown(void) {
        plan_done(&plan);
        topology_done(&topology);
}

TestSuite(show_table, .init = setup, .fini = teardown, .timeout = 10);

/* free() it. */
static char *show(bool json) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        cr_assert(eq(int, plan_make(&topology, &config, &plan), 0));
        cr_assert(eq(int, show_plan(&topology, &plan, json, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
        return text;
}

/* Trailing blanks pad the last column, and nobody sees them. */
static void cut_trailing_blanks(char *text) {
        char *to = text;

        for (const char *from = text; *from; from++) {
                while (*from == '\n' && to > text && to[-1] == ' ')
                        to--;
                *to++ = *from;
        }
        *to = '\0';
}

Test(show_table, draws_the_tree) {
        char *text = show(false);

        cut_trailing_blanks(text);
        cr_expect(
                eq(str, text,
                   "DEVICE               KIND            NAME  MODEL SERIAL  ACTION FLUSH REASON\n"
                   "pci0000:00           host bridge\n"
                   "`-0000:00:00.0       root port\n"
                   "  |-0000:01:00.0     controller      nvme0 Test  S-nvme0 leave  yes   "
                   "/dev/nvme0n1 is mounted on /\n"
                   "  `-0000:02:00.0     upstream port\n"
                   "    |-0000:03:00.0   downstream port\n"
                   "    | `-0000:04:00.0 controller      nvme1 Test  S-nvme1 detach\n"
                   "    `-0000:03:00.1   downstream port\n"
                   "      `-0000:05:00.0 controller      nvme2 Test  S-nvme2 detach\n"));
        free(text);
}

Test(show_table, nests_children_in_json) {
        static const char *const expected[] = {
                "\"plan\": [",
                "\"children\": [",
                "\"address\": \"0000:01:00.0\"",
                "\"kind\": \"controller\"",
                "\"name\": \"nvme0\"",
                "\"serial\": \"S-nvme0\"",
                "\"action\": \"leave\"",
                "\"flush\": true",
                "\"flush\": false",
                "\"reason\": \"/dev/nvme0n1 is mounted on /\"",
                "\"waits_for\": 2",
                "\"behind\": null",
                "\"reason\": null",
        };
        char *text = show(true);

        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                cr_expect(ne(ptr, (void *) strstr(text, expected[i]), NULL), "%s", expected[i]);
        free(text);
}

/* Order=serial: 05:00.0 first, 04:00.0 behind it. */
Test(show_table, shows_whose_turn_comes_before) {
        char *text;

        config.order = ORDER_SERIAL;
        text = show(false);
        cr_expect(ne(ptr, (void *) strstr(text, "WAITS FOR BEHIND"), NULL));
        cr_expect(ne(ptr, (void *) strstr(text, "        1 0000:05:00.0"), NULL), "%s", text);
        free(text);
}

/* Bad data must not hang whoever looks at it. */
Test(show_table, ends_when_parents_run_in_a_circle) {
        char *text;

        topology.devices[0].parent = topology.n_devices - 1;
        text = show(false);
        cr_expect(ne(ptr, (void *) strstr(text, "nvme2"), NULL));
        free(text);
}

Test(show_table, shows_each_setting_and_its_origin) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        config.origin[CONFIG_ENABLED] = strdup("/etc/nvme-async-shutdown.conf:2");
        cr_assert(eq(int, show_config(&config, false, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
        cr_expect(ne(ptr, (void *) strstr(text, "Enabled        yes"), NULL));
        cr_expect(ne(ptr, (void *) strstr(text, "/etc/nvme-async-shutdown.conf:2"), NULL));
        cr_expect(ne(ptr, (void *) strstr(text, "TimeoutSec     40s"), NULL));
        cr_expect(ne(ptr, (void *) strstr(text, "built-in default"), NULL));
        free(config.origin[CONFIG_ENABLED]);
        free(text);
}
