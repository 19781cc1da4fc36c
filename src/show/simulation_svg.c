/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulations as a picture; see simulation.h. */

#include "base/text.h"
#include "show/simulation.h"
#include "show/svg.h"

/* "hierarchy: 5.468s" */
typedef struct Heading {
        char text[64];
} Heading;

static size_t add_rows(const Topology *topology, const Simulation *s, const Heading *heading,
                       TimelineRow *rows) {
        size_t n = 0;

        for (size_t i = 0; i < topology->n_devices; i++) {
                const StepResult *result = &s->record.results[i];

                if (!topology->devices[i].controller)
                        continue;
                rows[n] = (TimelineRow){
                        .label = topology->devices[i].controller->name,
                        .detail = topology->devices[i].address,
                        .group = heading->text,
                        .note = result->reason,
                        .outcome = result->outcome,
                        .start_usec = result->started_usec - s->record.started_usec,
                };
                memcpy(rows[n++].phase_usec, result->phase_usec, sizeof(result->phase_usec));
        }
        return n;
}

int show_simulations_svg(const Topology *topology, const Simulation *simulations, size_t n,
                         FILE *stream) {
        TimelineRow *rows = calloc(n * topology->n_devices + 1, sizeof(*rows));
        Heading *headings = calloc(n + 1, sizeof(*headings));
        Timeline timeline = {
                .title = "NVMe controllers: a simulated shutdown in each order",
                .rows = rows,
        };
        int r = -ENOMEM;

        if (rows && headings) {
                for (size_t i = 0; i < n; i++) {
                        char seconds[TEXT_USEC_MAX];

                        text_format_usec(seconds, simulations[i].elapsed_usec);
                        (void) snprintf(headings[i].text, sizeof(headings[i].text), "%s: %s",
                                        order_to_string(simulations[i].order), seconds);
                        timeline.n_rows += add_rows(topology, &simulations[i], &headings[i],
                                                    rows + timeline.n_rows);
                }
                r = show_svg(&timeline, stream);
        }
        free(rows);
        free(headings);
        return r;
}
