/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON that says it is a snapshot, and what "plan" and "simulate" make of it. */

#include "fake_root.h"
#include "fuzz.h"
#include "show/simulation.h"
#include "show/table.h"
#include "trial/latency.h"
#include "trial/simulate.h"
#include "trial/snapshot.h"

static char *written(const Snapshot *snapshot) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        REQUIRE(stream && snapshot_write(snapshot, stream) == 0 && fclose(stream) == 0);
        fuzz_require_json(text);
        return text;
}

/* What was read can be written, and read again as the same. */
static void require_round_trip(const Snapshot *snapshot) {
        char *text = written(snapshot), *again, why[512];
        Snapshot other = SNAPSHOT_INIT;

        fake_root_write("again", text);
        REQUIRE(snapshot_read(fake_root_path("again"), &other, why, sizeof(why)) == 0);
        again = written(&other);
        REQUIRE(STREQ(text, again));
        free(text);
        free(again);
        snapshot_done(&other);
}

static void show(const Snapshot *snapshot, FILE *stream) {
        Plan plan = PLAN_INIT;

        REQUIRE(plan_make(&snapshot->topology, &snapshot->config, &plan) == 0);
        REQUIRE(plan.n_steps == snapshot->topology.n_devices);
        REQUIRE(show_plan(&snapshot->topology, &plan, &snapshot->config, false, stream) == 0);
        REQUIRE(show_plan(&snapshot->topology, &plan, &snapshot->config, true, stream) == 0);
        plan_done(&plan);
}

static void simulate_all(Snapshot *snapshot, FILE *stream) {
        const Latency latency = {};
        Simulation simulations[_ORDER_MAX];

        simulate_teardown(&snapshot->topology);
        (void) latency_apply(&latency, &snapshot->topology);
        for (Order order = 0; order < _ORDER_MAX; order++)
                REQUIRE(simulate(&snapshot->topology, &snapshot->config, order,
                                 &simulations[order]) == 0);
        REQUIRE(show_simulations(simulations, _ORDER_MAX, false, stream) == 0);
        /* Nobody is forgotten, in whatever order. */
        for (Order order = 0; order < _ORDER_MAX; order++)
                REQUIRE(simulations[order].n_detached == simulations[0].n_detached);
        for (Order order = 0; order < _ORDER_MAX; order++)
                simulation_done(&simulations[order]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static FILE *nowhere;
        Snapshot snapshot = SNAPSHOT_INIT;
        char why[512];
        int r;

        fuzz_root();
        if (!nowhere)
                nowhere = fopen("/dev/null", "we");
        REQUIRE(nowhere);
        fake_root_write_binary("snapshot", data, size);
        r = snapshot_read(fake_root_path("snapshot"), &snapshot, why, sizeof(why));
        if (r < 0) {
                fuzz_require_why(r, why);
                return 0;
        }
        require_round_trip(&snapshot);
        show(&snapshot, nowhere);
        simulate_all(&snapshot, nowhere);
        snapshot_done(&snapshot);
        return 0;
}
