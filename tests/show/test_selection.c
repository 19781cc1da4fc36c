/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

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

Test(show_selection, says_nothing_where_nothing_is_selected) {
        expect(&topology, "");
}

Test(show_selection, names_what_each_glob_matches_and_says_it_of_one_that_matches_nothing) {
        config.include = include;
        config.exclude = exclude;
        expect(&topology, "Include=nvme* matches nvme0, nvme1, nvme2.\n"
                          "Exclude=S-nvme1 matches nvme1.\n"
                          "Exclude=nvme77 matches no controller here.\n");
        expect(NULL, "");
}

Test(show_selection, names_no_more_than_a_line_holds) {
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

Test(show_selection, says_that_nothing_is_done_where_it_is_uncertain) {
        static const char said[] = "Include= or Exclude= may stand in a part of the configuration "
                                   "that could not be read or understood: nothing is done until "
                                   "that is mended. See nvme-async-shutdown.conf(5).\n";

        config.is_selection_uncertain = true;
        expect(&topology, said);
        expect(NULL, said);
}

static void expect_json(const Topology *t, const char *expected) {
        struct json_object *array = selection_to_json(&config, t);

        cr_expect(eq(str, (char *) json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN),
                     (char *) expected));
        (void) json_object_put(array);
}

Test(show_selection, has_all_of_it_in_json) {
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
