/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "json_text.h"
#include "show/simulation.h"

static SimulatedWave waves[5];
static Simulation simulations[2];

static void setup(void) {
        for (size_t i = 0; i < ARRAY_SIZE(waves); i++)
                waves[i] = (SimulatedWave){
                        .start_usec = i * USEC_PER_SEC,
                        .longest_usec = USEC_PER_SEC,
                        .n_controllers = 2,
                };
        for (size_t i = 0; i < ARRAY_SIZE(simulations); i++)
                simulations[i] = (Simulation){
                        .order = i == 0 ? ORDER_SERIAL : ORDER_HIERARCHY,
                        .elapsed_usec = 2500 * USEC_PER_MSEC,
                        .busy_usec = 2500 * USEC_PER_MSEC,
                        .chain_usec = USEC_PER_SEC,
                        .kernel_usec = 12345,
                        .n_detached = 10,
                        .peak = 2,
                        .waves = waves,
                        .n_waves = i == 0 ? 5 : 1,
                };
}

TestSuite(show_simulation, .init = setup, .timeout = 10);

/* free() it. */
static char *show(bool json) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        cr_assert(eq(int, show_simulations(simulations, 2, json, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
        return json ? json_text_on_one_line(text) : text;
}

Test(show_simulation, the_table_has_the_first_waves) {
        char *text = show(false);

        cr_expect(eq(str, text,
                     "ORDER         START CONTROLLERS   TIME KERNEL AT ONCE BUSY LONGEST CHAIN\n"
                     "serial                       10 2.500s 0.012s       2  50%        1.000s\n"
                     "|-wave 1     0.000s           2 1.000s                     \n"
                     "|-wave 2     1.000s           2 1.000s                     \n"
                     "|-wave 3     2.000s           2 1.000s                     \n"
                     "`-and 2 more                                               \n"
                     "hierarchy                    10 2.500s 0.012s       2  50%        1.000s\n"
                     "`-wave 1     0.000s           2 1.000s                     \n"));
        free(text);
}

Test(show_simulation, json_has_all_waves_in_microseconds) {
        static const char *const expected[] = {
                "\"order\": \"serial\"",        "\"wave\": 5",
                "\"elapsed_usec\": 2500000",    "\"kernel_usec\": 12345",
                "\"utilisation_percent\": 50,", "\"longest_chain_usec\": 1000000",
                "\"start_usec\": 4000000",
        };
        char *text = show(true);

        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                cr_expect(ne(ptr, (void *) strstr(text, expected[i]), NULL), "%s", expected[i]);
        free(text);
}
