/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "json_text.h"
#include "show/selection.h"
#include "show/table.h"
#include "topology_builder.h"

static Topology topology;
static Labels labels;
static Config config;
static Plan plan;

static void setup(void) {
        config = build_config();
        build_switch_tree(&topology, 3);
        build_use(&topology, "0000:01:00.0", USE_ROOT, "/dev/nvme0n1 is mounted on /");
        cr_assert(eq(int, topology_sort(&topology), 0));
}

static void teardown(void) {
        labels_done(&labels);
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
        cr_assert(eq(int, show_plan(&topology, &labels, &plan, &config, json, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
        return json ? json_text_on_one_line(text) : text;
}

/* libsmartcols pads the last column with blanks. */
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
        cr_expect(eq(str, text,
                     "DEVICE               KIND        NAME  MODEL SERIAL  ACTION FLUSH REASON\n"
                     "pci0000:00           host bridge\n"
                     "`-0000:00:00.0       bridge\n"
                     "  |-0000:01:00.0     controller  nvme0 Test  S-nvme0 leave  yes   "
                     "/dev/nvme0n1 is mounted on /\n"
                     "  `-0000:02:00.0     bridge\n"
                     "    |-0000:03:00.0   bridge\n"
                     "    | `-0000:04:00.0 controller  nvme1 Test  S-nvme1 detach\n"
                     "    `-0000:03:00.1   bridge\n"
                     "      `-0000:05:00.0 controller  nvme2 Test  S-nvme2 detach\n"));
        free(text);
}

static DeviceLabel *label_of(const char *address) {
        if (!labels.devices) {
                labels.n_devices = topology.n_devices;
                labels.devices = calloc(labels.n_devices, sizeof(DeviceLabel));
                cr_assert(ne(ptr, labels.devices, NULL));
        }
        return &labels.devices[topology_find_device(&topology, address)];
}

/* A port with vendor and product, a switch with a product alone, a slot, a claim with its content. */
static void set_labels(void) {
        label_of("0000:00:00.0")->port = "root port";
        label_of("0000:00:00.0")->vendor = strdup("Intel");
        label_of("0000:00:00.0")->product = strdup("Port A");
        label_of("0000:02:00.0")->product = strdup("PEX 8796");
        label_of("0000:01:00.0")->vendor = strdup("Solidigm");
        label_of("0000:01:00.0")->content = strdup("vfat, zfs_member");
        label_of("0000:04:00.0")->slot = strdup("12-1");
}

Test(show_table, names_what_people_know) {
        char *text;

        set_labels();
        text = show(false);
        cut_trailing_blanks(text);
        cr_expect(
                eq(str, text,
                   "DEVICE               KIND        SLOT NAME  MODEL        SERIAL  ACTION FLUSH "
                   "REASON\n"
                   "pci0000:00           host bridge\n"
                   "`-0000:00:00.0       root port              Intel Port A\n"
                   "  |-0000:01:00.0     controller       nvme0 Test         S-nvme0 leave  yes   "
                   "/dev/nvme0n1 is mounted on / (vfat, zfs_member)\n"
                   "  `-0000:02:00.0     bridge                 PEX 8796\n"
                   "    |-0000:03:00.0   bridge\n"
                   "    | `-0000:04:00.0 controller  12-1 nvme1 Test         S-nvme1 detach\n"
                   "    `-0000:03:00.1   bridge\n"
                   "      `-0000:05:00.0 controller       nvme2 Test         S-nvme2 detach\n"));
        free(text);
}

Test(show_table, the_content_explains_no_exclusion) {
        static char *exclude[] = { "nvme0", NULL };
        char *text;

        config.exclude = exclude;
        set_labels();
        text = show(false);
        cr_expect(ne(ptr, (void *) strstr(text, "excluded by Exclude=nvme0"), NULL));
        cr_expect(eq(ptr, (void *) strstr(text, "zfs_member"), NULL), "%s", text);
        free(text);
}

Test(show_table, json_has_each_name_by_itself) {
        static const char *const expected[] = {
                "\"kind\": \"root port\"",  "\"vendor\": \"Intel\"",
                "\"product\": \"Port A\"",  "\"slot\": \"12-1\"",
                "\"vendor\": \"Solidigm\"", "\"content\": \"vfat, zfs_member\"",
                "\"model\": \"Test\"",      "\"reason\": \"/dev/nvme0n1 is mounted on /\"",
                "\"slot\": null",           "\"vendor\": null",
        };
        char *text;

        set_labels();
        text = show(true);
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                cr_expect(ne(ptr, (void *) strstr(text, expected[i]), NULL), "%s", expected[i]);
        cr_expect(eq(ptr, (void *) strstr(text, "Intel Port A"), NULL));
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

/* The members are inserted before the brace that ends the output of libsmartcols. */
Test(show_table, json_has_the_selection_and_the_reason_to_stand_down) {
        static const struct {
                bool is_enabled, is_uncertain;
                unsigned min_controllers;
                const char *why;
        } cases[] = { { true, false, 2, NULL },
                      { true, false, 3, "fewer than MinControllers=3" },
                      { true, true, 2, "Include= and Exclude= are not understood" },
                      { false, false, 2, "Enabled=no" } };
        static char *exclude[] = { "nvme7 \"quoted\"", NULL };

        config.exclude = exclude;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct json_object *object, *plan_array, *selection, *why;
                char *text;

                config.is_enabled = cases[i].is_enabled;
                config.is_selection_uncertain = cases[i].is_uncertain;
                config.min_controllers = cases[i].min_controllers;
                text = show(true);
                object = json_tokener_parse(text);
                cr_assert(ne(ptr, object, NULL), "%s", text);
                cr_expect(eq(int, json_object_object_length(object), 3));
                cr_expect(json_object_object_get_ex(object, "plan", &plan_array));
                cr_expect(eq(sz, json_object_array_length(plan_array), 1));
                cr_assert(json_object_object_get_ex(object, "selection", &selection));
                cr_expect(eq(sz, json_object_array_length(selection), 1));
                cr_assert(json_object_object_get_ex(object, "stands_down", &why));
                if (cases[i].why)
                        cr_expect(eq(str, (char *) json_object_get_string(why),
                                     (char *) cases[i].why));
                else
                        cr_expect(eq(ptr, why, NULL));
                (void) json_object_put(object);
                free(text);
                plan_done(&plan);
        }
}

/* With Order=serial 04:00.0 comes after 05:00.0. */
Test(show_table, shows_the_previous_turn) {
        char *text;

        config.order = ORDER_SERIAL;
        text = show(false);
        cr_expect(ne(ptr, (void *) strstr(text, "WAITS FOR BEHIND"), NULL));
        cr_expect(ne(ptr, (void *) strstr(text, "        1 0000:05:00.0"), NULL), "%s", text);
        free(text);
}

/* Damaged data must not hang the program. */
Test(show_table, ends_if_parents_form_a_circle) {
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
        cr_assert(eq(int, show_config(&config, &topology, false, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
        cr_expect(ne(ptr, (void *) strstr(text, "Enabled           yes"), NULL));
        cr_expect(ne(ptr, (void *) strstr(text, "/etc/nvme-async-shutdown.conf:2"), NULL));
        cr_expect(ne(ptr, (void *) strstr(text, "TimeoutSec        40s"), NULL));
        cr_expect(ne(ptr, (void *) strstr(text, "built-in default"), NULL));
        free(config.origin[CONFIG_ENABLED]);
        free(text);
}
