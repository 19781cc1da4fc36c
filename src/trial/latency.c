/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See latency.h. */

#include "trial/latency.h"

#include "base/text.h"

bool latency_counts(const Device *device) {
        const Controller *c = device->controller;

        return device->kind == DEVICE_CONTROLLER && c->transport && STREQ(c->transport, "pcie") &&
               c->driver && STREQ(c->driver, "nvme");
}

static const char *parse_next(const char *text, Latency *latency) {
        if (latency->n_times >= LATENCY_TIMES_MAX)
                return NULL;
        return text_parse_time(text, &latency->times[latency->n_times++]);
}

int latency_parse(const char *text, Latency *latency) {
        Latency parsed = { .kind = LATENCY_LIST, .seed = latency->seed };

        text = parse_next(text, &parsed);
        if (text && *text == '-') {
                parsed.kind = LATENCY_RANGE;
                text = parse_next(text + 1, &parsed);
                if (parsed.times[1] < parsed.times[0])
                        return -EINVAL;
        }
        while (text && *text == ',' && parsed.kind == LATENCY_LIST)
                text = parse_next(text + 1, &parsed);
        if (!text || *text)
                return -EINVAL;
        *latency = parsed;
        return 0;
}

/* splitmix64 (Steele, Lea, Flood 2014): even adjacent seeds give unrelated numbers. */
static uint64_t mix_bits(uint64_t x) {
        x += 0x9e3779b97f4a7c15U;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
        return x ^ (x >> 31);
}

static usec_t draw_time(const Latency *latency, size_t i) {
        uint64_t number = mix_bits(mix_bits(latency->seed) + i);

        if (latency->kind == LATENCY_LIST)
                return latency->times[number % latency->n_times];
        return latency->times[0] + number % (latency->times[1] - latency->times[0] + 1);
}

static void apply_known(Controller *c, LatencySources *sources) {
        if (c->rtd3e_usec > 0) {
                sources->n_rtd3e++;
        } else {
                c->rtd3e_usec = LATENCY_DEFAULT_USEC;
                sources->n_assumed++;
        }
}

LatencySources latency_apply(const Latency *latency, Topology *topology) {
        LatencySources sources = {};

        for (size_t i = 0, n = 0; i < topology->n_devices; i++) {
                Device *device = &topology->devices[i];

                if (!latency_counts(device))
                        continue;
                if (latency->kind == LATENCY_KNOWN) {
                        apply_known(device->controller, &sources);
                        continue;
                }
                device->controller->rtd3e_usec = draw_time(latency, n++);
                sources.n_given++;
        }
        return sources;
}
