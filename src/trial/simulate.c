/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See simulate.h. */

#include "trial/simulate.h"

#include "trial/latency.h"

void simulate_teardown(Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                Controller *c = topology->devices[i].controller;

                if (!c)
                        continue;
                switch (c->use.kind) {
                case USE_OPEN:
                case USE_HOLDER:
                case USE_BTRFS:
                case USE_SWAP:
                case USE_MOUNT:
                        free(c->use.detail);
                        c->use = (Use){};
                        break;
                default:
                        break;
                }
        }
}

static int wave_compare(const void *a, const void *b) {
        usec_t x = ((const SimulatedWave *) a)->start_usec;
        usec_t y = ((const SimulatedWave *) b)->start_usec;

        return CMP(x, y);
}

/* Makes one wave for each controller, then merges those with the same start. */
static int find_waves(Simulation *s) {
        size_t n = 0, last = 0;

        s->waves = calloc(s->n_detached + 1, sizeof(SimulatedWave));
        if (!s->waves)
                return -ENOMEM;
        for (size_t i = 0; i < s->plan.n_steps; i++) {
                const StepResult *result = &s->record.results[i];

                if (s->plan.steps[i].action != STEP_DETACH || result->outcome != OUTCOME_DETACHED)
                        continue;
                s->waves[n++] = (SimulatedWave){
                        .start_usec = result->started_usec - s->record.started_usec,
                        .longest_usec = result->phase_usec[PHASE_SHUTDOWN],
                        .n_controllers = 1,
                };
        }
        if (n == 0)
                return 0;
        qsort(s->waves, n, sizeof(SimulatedWave), wave_compare);
        for (size_t i = 1; i < n; i++) {
                SimulatedWave *wave = &s->waves[last];

                if (s->waves[i].start_usec != wave->start_usec) {
                        s->waves[++last] = s->waves[i];
                        continue;
                }
                wave->n_controllers++;
                if (s->waves[i].longest_usec > wave->longest_usec)
                        wave->longest_usec = s->waves[i].longest_usec;
        }
        s->n_waves = last + 1;
        return 0;
}

static void add_up(const Topology *topology, Simulation *s) {
        for (size_t i = 0; i < s->plan.n_steps; i++) {
                const Device *device = &topology->devices[i];
                const StepResult *result = &s->record.results[i];

                if (s->plan.steps[i].chain_usec > s->chain_usec)
                        s->chain_usec = s->plan.steps[i].chain_usec;
                if (!latency_counts(device))
                        continue;
                if (result->outcome == OUTCOME_DETACHED) {
                        s->n_detached++;
                        s->busy_usec += result->phase_usec[PHASE_SHUTDOWN];
                } else
                        s->kernel_usec += device->controller->rtd3e_usec;
        }
        s->elapsed_usec = s->record.ended_usec - s->record.started_usec;
}

/* A Flush takes no time here: its duration is not known. */
static int run_on_virtual_clock(const Topology *topology, const Config *config, Simulation *s) {
        const WavesOptions options = {
                .deadline_usec = USEC_INFINITY,
                .max_parallel = config->max_parallel,
        };
        _cleanup_(virtual_world_done) VirtualWorld world = {};
        int r;

        r = virtual_world_init(&world, s->plan.n_steps, 0);
        if (r < 0)
                return r;
        for (size_t i = 0; i < s->plan.n_steps; i++)
                if (s->plan.steps[i].action == STEP_DETACH)
                        world.steps[i].latency_usec = topology->devices[i].controller->rtd3e_usec;
        r = waves_run(&s->plan, &ops_virtual, &world, &options, &s->record);
        s->peak = world.max_running;
        return r;
}

int simulate(const Topology *topology, const Config *config, Order order, Simulation *ret) {
        _cleanup_(simulation_done) Simulation s = { .order = order };
        Config ordered = *config;
        int r;

        ordered.order = order;
        ordered.flush = false;
        r = plan_make(topology, &ordered, &s.plan);
        if (r < 0)
                return r;
        r = record_init(&s.record, STAGE_HOOK, ACTION_REBOOT, s.plan.n_steps);
        if (r < 0)
                return r;
        r = run_on_virtual_clock(topology, config, &s);
        if (r < 0)
                return r;
        add_up(topology, &s);
        r = find_waves(&s);
        if (r < 0)
                return r;
        *ret = TAKE(s, SIMULATION_INIT);
        return 0;
}

void simulation_done(Simulation *simulation) {
        record_done(&simulation->record);
        plan_done(&simulation->plan);
        free(simulation->waves);
        *simulation = SIMULATION_INIT;
}

unsigned simulation_utilisation(const Simulation *simulation) {
        usec_t most = simulation->elapsed_usec * simulation->peak;

        return most == 0 ? 100 : (unsigned) (simulation->busy_usec * 100 / most);
}
