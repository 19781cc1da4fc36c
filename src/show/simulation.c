/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See simulation.h. */

#include "show/simulation.h"

#include "show/columns.h"

/* Of more waves nobody reads the times one by one. */
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
        int r = line ? 0 : -ENOMEM;

        if (r >= 0 && scols_table_is_json(table))
                r = columns_set(line, SIMULATION_WAVE, "%zu", number);
        else if (r >= 0)
                r = columns_set(line, SIMULATION_ORDER, "wave %zu", number);
        if (r >= 0)
                r = columns_set_time(table, line, SIMULATION_START, wave->start_usec);
        if (r >= 0)
                r = columns_set(line, SIMULATION_CONTROLLERS, "%zu", wave->n_controllers);
        if (r >= 0)
                r = columns_set_time(table, line, SIMULATION_TIME, wave->longest_usec);
        return r;
}

static int add_waves(struct libscols_table *table, struct libscols_line *parent,
                     const Simulation *s) {
        size_t n = scols_table_is_json(table) || s->n_waves <= WAVES_SHOWN + 1 ? s->n_waves
                                                                               : WAVES_SHOWN;
        struct libscols_line *line;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = add_wave(table, parent, &s->waves[i], i + 1);
        if (r < 0 || n == s->n_waves)
                return r;
        line = scols_table_new_line(table, parent);
        return line ? columns_set(line, SIMULATION_ORDER, "and %zu more", s->n_waves - n) : -ENOMEM;
}

static int add_simulation(struct libscols_table *table, const Simulation *s) {
        bool json = scols_table_is_json(table);
        struct libscols_line *line = scols_table_new_line(table, NULL);
        int r = line ? 0 : -ENOMEM;

        if (r >= 0)
                r = columns_set(line, SIMULATION_ORDER, "%s", order_to_string(s->order));
        if (r >= 0)
                r = columns_set(line, SIMULATION_CONTROLLERS, "%zu", s->n_detached);
        if (r >= 0)
                r = columns_set_time(table, line, SIMULATION_TIME, s->elapsed_usec);
        if (r >= 0)
                r = columns_set_time(table, line, SIMULATION_KERNEL, s->kernel_usec);
        if (r >= 0)
                r = columns_set(line, SIMULATION_PEAK, "%zu", s->peak);
        if (r >= 0)
                r = columns_set(line, SIMULATION_UTILISATION, "%u%s", simulation_utilisation(s),
                                json ? "" : "%");
        if (r >= 0)
                r = columns_set_time(table, line, SIMULATION_CHAIN, s->chain_usec);
        return r < 0 ? r : add_waves(table, line, s);
}

int show_simulations(const Simulation *simulations, size_t n, bool json, FILE *stream) {
        struct libscols_table *table;
        int r = 0;

        table = columns_new_table("simulation", columns, _SIMULATION_MAX, json, stream);
        if (!table)
                return -ENOMEM;
        if (!json) /* people see it in the tree */
                (void) scols_column_set_flags(scols_table_get_column(table, SIMULATION_WAVE),
                                              SCOLS_FL_HIDDEN);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = add_simulation(table, &simulations[i]);
        if (r < 0) {
                scols_unref_table(table);
                return r;
        }
        return columns_print_and_free(table);
}
