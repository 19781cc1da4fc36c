/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "topology_builder.h"
#include "trial/latency.h"

#define SECOND USEC_PER_SEC
#define N 200

static Topology topology;
static Latency latency;

static void setup(void) {
        latency = (Latency){};
        for (unsigned i = 0; i < N; i++) {
                char address[32];

                (void) snprintf(address, sizeof(address), "0000:%02x:00.0", i);
                (void) build_nvme(&topology, "nvme0", address, NULL);
        }
}

static void teardown(void) {
        topology_done(&topology);
}

TestSuite(latency, .init = setup, .fini = teardown, .timeout = 10);

static usec_t time_of(size_t i) {
        return topology.devices[i].controller->rtd3e_usec;
}

static void apply(const char *text, uint64_t seed) {
        latency.seed = seed;
        cr_assert(eq(int, latency_parse(text, &latency), 0), "%s", text);
        cr_assert(eq(sz, latency_apply(&latency, &topology).n_given, topology.n_devices));
}

Test(latency, one_time_is_everybodys) {
        apply("2s", 5);
        for (size_t i = 0; i < N; i++)
                cr_assert(eq(u64, time_of(i), 2 * SECOND));
}

Test(latency, a_range_is_drawn_from_within_and_differs) {
        usec_t least = USEC_INFINITY, most = 0;

        apply("100ms-13s", 1);
        for (size_t i = 0; i < N; i++) {
                least = time_of(i) < least ? time_of(i) : least;
                most = time_of(i) > most ? time_of(i) : most;
        }
        cr_expect(ge(u64, least, SECOND / 10));
        cr_expect(le(u64, most, 13 * SECOND));
        cr_expect(lt(u64, least, SECOND));
        cr_expect(gt(u64, most, 12 * SECOND));
}

Test(latency, a_list_uses_each_of_its_times_and_no_other) {
        size_t n[5] = {};

        apply("1s,2s,4", 1);
        for (size_t i = 0; i < N; i++) {
                usec_t seconds = time_of(i) / SECOND;

                cr_assert(seconds == 1 || seconds == 2 || seconds == 4);
                n[seconds]++;
        }
        cr_expect(n[1] > N / 6 && n[2] > N / 6 && n[4] > N / 6);
}

/* Another seed draws other times; the same seed the same ones, also if more controllers follow. */
Test(latency, the_seed_decides) {
        usec_t times[N];
        size_t n_same = 0;

        apply("0.1s-13s", 1);
        for (size_t i = 0; i < N; i++)
                times[i] = time_of(i);
        (void) build_nvme(&topology, "nvme0", "0001:00:00.0", NULL);
        apply("0.1s-13s", 1);
        for (size_t i = 0; i < N; i++)
                cr_assert(eq(u64, time_of(i), times[i]));
        apply("0.1s-13s", 2);
        for (size_t i = 0; i < N; i++)
                n_same += time_of(i) == times[i];
        cr_expect(lt(sz, n_same, N / 10));
}

Test(latency, rtd3e_counts_more_than_the_default) {
        LatencySources sources;

        topology.devices[1].controller->rtd3e_usec = 8 * SECOND;
        sources = latency_apply(&latency, &topology);
        cr_expect(eq(u64, time_of(0), LATENCY_DEFAULT_USEC));
        cr_expect(eq(u64, time_of(1), 8 * SECOND));
        cr_expect(eq(sz, sources.n_rtd3e, 1));
        cr_expect(eq(sz, sources.n_assumed, N - 1));
}

Test(latency, what_is_no_time_is_refused_and_changes_nothing) {
        static const char *const bad[] = { "",         "s",     "2s-",      "2s-1s", "1s,",
                                           "1s,2s-3s", "-1",    "1s-2s-3s", "1h",    "1e3",
                                           "2 days",   "1s;2s", "90000s" };

        apply("2s", 5);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                cr_expect(eq(int, latency_parse(bad[i], &latency), -EINVAL), "%s", bad[i]);
                cr_expect(eq(u64, latency.times[0], 2 * SECOND));
        }
}
