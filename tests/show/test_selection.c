/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <json-c/json.h>

#include "show/selection.h"
#include "topology_builder.h"

static Topology topology;
static Config config;
static char *include[] = { "nvme*", NULL };
static char *exclude[] = { "S-nvme1", "nvme77", NULL };

static void setup(void) {
        for (unsigned i = 0; i < 3; i++) {
                char name[16], address[32];

                (void) snprintf(name, sizeof(name), "nvme%u", i);
                (void) snprintf(address, sizeof(address), "0000:%02x:00.0", i);
                (void) build_nvme(&topology, name, address, NULL);
        }
        (void) build_bridge(&topology, DEVICE_BRIDGE, "nvme77", NULL);
        config = build_config();
}

static void teardown(void) {
        topology_done(&topology);
}

TestSuite(show_selection, .init = setup, .fini = teardown, .timeout = 10);

/* free() it. */
static char *show(const Topology *t) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        show_selection(&config, t, stream);
        cr_assert(eq(int, fclose(stream), 0));
        return text;
}

static void expect(const Topology *t, const char *expected) {
        char *text = show(t);

        cr_expect(eq(str, text, (char *) expected));
        free(text);
}

Test(show_selection, prints_nothing_without_a_selection) {
        expect(&topology, "");
}

Test(show_selection, names_the_controllers_that_each_glob_matches) {
        config.include = include;
        config.exclude = exclude;
        expect(&topology, "Include=nvme* matches nvme0, nvme1, nvme2.\n"
                          "Exclude=S-nvme1 matches nvme1.\n"
                          "Exclude=nvme77 matches no controller here.\n");
        expect(NULL, "");
}

Test(show_selection, counts_the_controllers_that_a_line_has_no_room_for) {
        for (unsigned i = 3; i < 100; i++) {
                char name[16], address[32];

                (void) snprintf(name, sizeof(name), "nvme%u", i);
                (void) snprintf(address, sizeof(address), "0000:%02x:00.0", i);
                (void) build_nvme(&topology, name, address, NULL);
        }
        config.include = include;
        expect(&topology, "Include=nvme* matches nvme0, nvme1, nvme2, nvme3, nvme4, nvme5, nvme6, "
                          "nvme7 and 92 more.\n");
}

Test(show_selection, warns_that_nothing_is_done_if_it_is_uncertain) {
        static const char said[] = "A part of the configuration that could not be read or "
                                   "understood may contain Include= or Exclude=: nothing is done "
                                   "until that is mended. See nvme-async-shutdown.conf(5).\n";

        config.is_selection_uncertain = true;
        expect(&topology, said);
        expect(NULL, said);
}

static void expect_json(const Topology *t, const char *expected) {
        _cleanup_json_writer_ JsonWriter w = JSON_WRITER_INIT;
        struct json_object *selection;

        json_begin_object(&w, NULL);
        show_selection_json(&config, t, &w);
        json_end(&w);
        cr_assert(not(w.is_short));
        cr_assert(json_object_object_get_ex(w.root, "selection", &selection));
        cr_expect(eq(str,
                     (char *) json_object_to_json_string_ext(selection, JSON_C_TO_STRING_PLAIN),
                     (char *) expected));
}

Test(show_selection, prints_all_of_it_as_json) {
        expect_json(&topology, "[]");
        config.include = include;
        config.exclude = exclude;
        expect_json(&topology,
                    "[{\"key\":\"Include\",\"glob\":\"nvme*\",\"controllers\":"
                    "[\"nvme0\",\"nvme1\",\"nvme2\"]},"
                    "{\"key\":\"Exclude\",\"glob\":\"S-nvme1\",\"controllers\":[\"nvme1\"]},"
                    "{\"key\":\"Exclude\",\"glob\":\"nvme77\",\"controllers\":[]}]");
        config.include = NULL;
        expect_json(NULL, "[{\"key\":\"Exclude\",\"glob\":\"S-nvme1\",\"controllers\":null},"
                          "{\"key\":\"Exclude\",\"glob\":\"nvme77\",\"controllers\":null}]");
}
