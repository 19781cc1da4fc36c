/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See simulation.h. */

#include "show/simulation.h"

#include "show/columns.h"

/* The table for people shows this many waves of an order and counts the others. */
#define WAVES_SHOWN 3

enum {
        SIMULATION_ORDER,
        SIMULATION_WAVE,
        SIMULATION_START,
        SIMULATION_CONTROLLERS,
        SIMULATION_TIME,
        SIMULATION_KERNEL,
        SIMULATION_PEAK,
        SIMULATION_UTILISATION,
        SIMULATION_CHAIN,
        _SIMULATION_MAX,
};

static const Column columns[_SIMULATION_MAX] = {
        [SIMULATION_ORDER] = { "ORDER", "order", SCOLS_FL_TREE, SCOLS_JSON_STRING },
        [SIMULATION_WAVE] = { "WAVE", "wave", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [SIMULATION_START] = { "START", "start_usec", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [SIMULATION_CONTROLLERS] = { "CONTROLLERS", "controllers", SCOLS_FL_RIGHT,
                                     SCOLS_JSON_NUMBER },
        [SIMULATION_TIME] = { "TIME", "elapsed_usec", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [SIMULATION_KERNEL] = { "KERNEL", "kernel_usec", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [SIMULATION_PEAK] = { "AT ONCE", "peak", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [SIMULATION_UTILISATION] = { "BUSY", "utilisation_percent", SCOLS_FL_RIGHT,
                                     SCOLS_JSON_NUMBER },
        [SIMULATION_CHAIN] = { "LONGEST CHAIN", "longest_chain_usec", SCOLS_FL_RIGHT,
                               SCOLS_JSON_NUMBER },
};

static int add_wave(struct libscols_table *table, struct libscols_line *parent,
                    const SimulatedWave *wave, size_t number) {
        struct libscols_line *line = scols_table_new_line(table, parent);
        int r;

        if (!line)
                return -ENOMEM;
        if (scols_table_is_json(table))
                r = columns_set(line, SIMULATION_WAVE, "%zu", number);
        else
                r = columns_set(line, SIMULATION_ORDER, "wave %zu", number);
        if (r < 0)
                return r;
        r = columns_set_time(table, line, SIMULATION_START, wave->start_usec);
        if (r < 0)
                return r;
        r = columns_set(line, SIMULATION_CONTROLLERS, "%zu", wave->n_controllers);
        if (r < 0)
                return r;
        return columns_set_time(table, line, SIMULATION_TIME, wave->longest_usec);
}

static int add_waves(struct libscols_table *table, struct libscols_line *parent,
                     const Simulation *s) {
        const bool has_room = scols_table_is_json(table) || s->n_waves <= WAVES_SHOWN + 1;
        const size_t n = has_room ? s->n_waves : WAVES_SHOWN;
        struct libscols_line *line;

        for (size_t i = 0; i < n; i++) {
                int r = add_wave(table, parent, &s->waves[i], i + 1);

                if (r < 0)
                        return r;
        }
        if (n == s->n_waves)
                return 0;
        line = scols_table_new_line(table, parent);
        return line ? columns_set(line, SIMULATION_ORDER, "and %zu more", s->n_waves - n) : -ENOMEM;
}

static int add_simulation(struct libscols_table *table, const Simulation *s) {
        const char *percent = scols_table_is_json(table) ? "" : "%";
        struct libscols_line *line = scols_table_new_line(table, NULL);
        int r;

        if (!line)
                return -ENOMEM;
        r = columns_set(line, SIMULATION_ORDER, "%s", order_to_string(s->order));
        if (r < 0)
                return r;
        r = columns_set(line, SIMULATION_CONTROLLERS, "%zu", s->n_detached);
        if (r < 0)
                return r;
        r = columns_set_time(table, line, SIMULATION_TIME, s->elapsed_usec);
        if (r < 0)
                return r;
        r = columns_set_time(table, line, SIMULATION_KERNEL, s->kernel_usec);
        if (r < 0)
                return r;
        r = columns_set(line, SIMULATION_PEAK, "%zu", s->peak);
        if (r < 0)
                return r;
        r = columns_set(line, SIMULATION_UTILISATION, "%u%s", simulation_utilisation(s), percent);
        if (r < 0)
                return r;
        r = columns_set_time(table, line, SIMULATION_CHAIN, s->chain_usec);
        return r < 0 ? r : add_waves(table, line, s);
}

int show_simulations(const Simulation *simulations, size_t n, bool json, FILE *stream) {
        _cleanup_table_ struct libscols_table *table = NULL;

        table = columns_new_table("simulation", columns, _SIMULATION_MAX, json, stream);
        if (!table)
                return -ENOMEM;
        if (!json) /* the tree shows it */
                (void) scols_column_set_flags(scols_table_get_column(table, SIMULATION_WAVE),
                                              SCOLS_FL_HIDDEN);
        for (size_t i = 0; i < n; i++) {
                int r = add_simulation(table, &simulations[i]);

                if (r < 0)
                        return r;
        }
        return scols_print_table(table);
}
