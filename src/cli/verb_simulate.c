/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "simulate": shows the time of a shutdown in each order. Changes nothing. */

#include <inttypes.h>

#include "base/log.h"
#include "cli/verbs.h"
#include "show/selection.h"
#include "show/simulation.h"
#include "stage/overlap.h"
#include "trial/latency.h"

/* The slowest first, so that the gain grows from line to line. */
static const Order shown_orders[] = { ORDER_SERIAL, ORDER_LEAVES, ORDER_TWO_PASS, ORDER_HIERARCHY };

#define N_ORDERS ARRAY_SIZE(shown_orders)

typedef struct Scene {
        Machine machine;
        Latency latency;
        LatencySources sources;
        Simulation simulations[N_ORDERS];
} Scene;

static void scene_done(Scene *scene) {
        for (size_t i = 0; i < N_ORDERS; i++)
                simulation_done(&scene->simulations[i]);
        machine_done(&scene->machine);
}

static int parse_number(const char *option, const char *text, uint64_t max, uint64_t *ret) {
        char *end;

        errno = 0;
        *ret = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || *ret > max) {
                log_error("--%s=%.40s: must be a number up to %" PRIu64 ".", option, text, max);
                return -EINVAL;
        }
        return 0;
}

static int read_options(const Arguments *arguments, Scene *scene) {
        uint64_t max_parallel;
        int r;

        if (arguments->simulate.seed) {
                r = parse_number("seed", arguments->simulate.seed, UINT64_MAX,
                                 &scene->latency.seed);
                if (r < 0)
                        return r;
        }
        if (arguments->simulate.latency) {
                r = latency_parse(arguments->simulate.latency, &scene->latency);
                if (r < 0) {
                        log_error("--latency=%.40s: must be a time as in 2s, a range as in "
                                  "0.1s-13s or a list as in 1s,2s,4s.",
                                  arguments->simulate.latency);
                        return r;
                }
        }
        if (arguments->simulate.max_parallel) {
                r = parse_number("max-parallel", arguments->simulate.max_parallel, UINT32_MAX,
                                 &max_parallel);
                if (r < 0)
                        return r;
                scene->machine.config.max_parallel = (unsigned) max_parallel;
        }
        settle_min_controllers(&scene->machine.config, STAGE_UNIT, false);
        return 0;
}

/* Prints the sources of the times, and the differences to a real shutdown. */
static void print_notes(const Scene *scene) {
        const LatencySources *n = &scene->sources;
        const Simulation *s = scene->simulations;

        (void) printf("\nTimes of %zu controllers: %zu by RTD3E, %zu by --latency, %zu assumed to "
                      "be %.1fs.\n",
                      n->n_rtd3e + n->n_given + n->n_assumed, n->n_rtd3e, n->n_given, n->n_assumed,
                      (double) LATENCY_DEFAULT_USEC / 1e6);
        (void) printf("serial: the kernel alone. hierarchy: the default of Order=.\n"
                      "AT ONCE: peak number in parallel. BUSY: average load relative to that "
                      "peak.\n"
                      "KERNEL: time of the kernel's own pass for controllers that stay in use to "
                      "the end.\n");
        show_selection(&scene->machine.config, NULL, stdout);
        if (s->n_detached > 0 && s->n_detached < scene->machine.config.min_controllers)
                (void) printf("Fewer than MinControllers=%u: nothing would be done.\n",
                              scene->machine.config.min_controllers);
        for (size_t i = 0; i < N_ORDERS; i++)
                if (s[i].elapsed_usec > scene->machine.config.timeout_usec)
                        (void) printf(
                                "%s: longer than TimeoutSec=%.10gs, when the stage leaves the "
                                "rest to the kernel.\n",
                                order_to_string(s[i].order),
                                (double) scene->machine.config.timeout_usec / 1e6);
}

static int simulate_all(const Arguments *arguments, Scene *scene) {
        int r;

        simulate_teardown(&scene->machine.topology);
        scene->sources = latency_apply(&scene->latency, &scene->machine.topology);
        for (size_t i = 0; i < N_ORDERS; i++) {
                r = simulate(&scene->machine.topology, &scene->machine.config, shown_orders[i],
                             &scene->simulations[i]);
                if (r < 0) {
                        log_error("Could not simulate a shutdown: %s.", strerror(-r));
                        return r;
                }
        }
        for (size_t i = 0; i < scene->simulations[0].plan.warnings.n; i++)
                log_warning("%s", scene->simulations[0].plan.warnings.items[i]);
        r = show_simulations(scene->simulations, N_ORDERS, arguments->json, stdout);
        if (r < 0)
                log_error("Could not print the simulation: %s.", strerror(-r));
        else if (!arguments->json)
                print_notes(scene);
        return r;
}

int verb_simulate(const Arguments *arguments) {
        _cleanup_(scene_done) Scene scene = {};
        _cleanup_close_ int root_fd = verb_open_root(arguments);

        if (root_fd < 0 || verb_read_machine(arguments, root_fd, &scene.machine) < 0)
                return EXIT_FAILURE;
        if (read_options(arguments, &scene) < 0)
                return EXIT_FAILURE;
        if (verb_is_this_machine(arguments) && !arguments->simulate.latency &&
            verb_read_times(root_fd, &scene.machine) < 0)
                return EXIT_FAILURE;
        return simulate_all(arguments, &scene) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
