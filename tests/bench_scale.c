/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the cost of a plan and of a shutdown's simulation grows with the machine. Each size runs in a
 * process of its own, so that its memory can be told.
 *
 * Without arguments: the figures. --check: exit status 1 if a limit is exceeded. --svg FILE: the
 * figures as a picture too. */

#include <inttypes.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "config_keys.h"
#include "generate.h"
#include "latency.h"
#include "simulate.h"

#define LIMIT_USEC (100 * USEC_PER_MSEC)
#define LIMIT_KIB (64 * 1024)
/* Of the time for each device, between the smallest and the largest machine: a quadratic cost would
 * make it a hundred times as much; caches that no longer hold it make it a few times as much. */
#define LIMIT_GROWTH 20

typedef struct Size {
        const char *spec;
        bool is_limited; /* by LIMIT_USEC and LIMIT_KIB */
} Size;

static const Size sizes[] = {
        { "host/switch:16/switch:30/nvme", false },
        { "10*host/switch:16/switch:30/nvme", false },
        { "1024*nvme+4*host/switch:64/switch:69", true },
        { "100*host/switch:16/switch:30/nvme", false },
};

typedef struct Figures {
        size_t n_devices;
        size_t n_controllers;
        usec_t plan_usec; /* of CPU time, the best of a few */
        usec_t simulate_usec;
        long peak_kib;
        bool is_complete;
} Figures;

static usec_t cpu_now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

static void keep_best(usec_t *best, usec_t usec) {
        if (*best == 0 || usec < *best)
                *best = usec;
}

/* simulate() makes the plan of its order itself. */
static int measure_once(const Topology *topology, const Config *config, Figures *figures) {
        Simulation simulation;
        Plan plan;
        usec_t start = cpu_now(), middle;
        int r;

        r = plan_make(topology, config, &plan);
        if (r < 0)
                return r;
        figures->n_controllers = plan.n_detach;
        plan_done(&plan);
        middle = cpu_now();
        r = simulate(topology, config, ORDER_HIERARCHY, &simulation);
        if (r < 0)
                return r;
        keep_best(&figures->plan_usec, middle - start);
        keep_best(&figures->simulate_usec, cpu_now() - middle);
        simulation_done(&simulation);
        return 0;
}

static void measure(const char *spec, Figures *figures) {
        Latency latency = { .kind = LATENCY_KNOWN };
        Topology topology = TOPOLOGY_INIT;
        struct rusage usage;
        Config config;
        char why[128];
        int r;

        config_set_defaults(&config);
        r = topology_generate(spec, &topology, why, sizeof(why));
        if (r >= 0)
                r = latency_parse("0.1s-13s", &latency);
        if (r >= 0)
                (void) latency_apply(&latency, &topology);
        for (unsigned i = 0; i < 5 && r >= 0; i++)
                r = measure_once(&topology, &config, figures);
        figures->n_devices = topology.n_devices;
        topology_done(&topology);
        (void) getrusage(RUSAGE_SELF, &usage);
        figures->peak_kib = usage.ru_maxrss;
        figures->is_complete = r >= 0;
}

static void measure_apart(const char *spec, Figures *figures) {
        pid_t pid = fork();

        if (pid == 0) {
                measure(spec, figures);
                _exit(EXIT_SUCCESS);
        }
        if (pid > 0)
                (void) waitpid(pid, NULL, 0);
}

static double each_usec(const Figures *f) {
        return (double) (f->plan_usec + f->simulate_usec) / (double) f->n_devices;
}

static bool check(const Size *size, const Figures *f, const Figures *smallest) {
        bool is_good = f->is_complete;

        if (size->is_limited &&
            (f->plan_usec + f->simulate_usec > LIMIT_USEC || f->peak_kib > LIMIT_KIB))
                is_good = false;
        if (each_usec(f) > LIMIT_GROWTH * each_usec(smallest))
                is_good = false;
        if (!is_good)
                (void) printf("TOO MUCH: %s\n", size->spec);
        return is_good;
}

/* A straight line that rises by one decade each decade is linear. */
static int draw(const char *path, const Figures *figures) {
        FILE *f = fopen(path, "we");

        if (!f)
                return -errno;
        (void) fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 420 300\" "
                          "font-family=\"sans-serif\" font-size=\"11\">\n"
                          "<text x=\"10\" y=\"16\">plan and simulate: CPU time over devices, both "
                          "logarithmic</text>\n");
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                usec_t usec = figures[i].plan_usec + figures[i].simulate_usec;
                double x = 30, y = 280;

                for (double n = (double) figures[i].n_devices; n > 1000; n /= 1.01)
                        x += 0.65;
                for (double n = (double) usec; n > 100; n /= 1.01)
                        y -= 0.35;
                (void) fprintf(f,
                               "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/><text x=\"%.1f\" "
                               "y=\"%.1f\">%zu: %.2f ms</text>\n",
                               x, y, x + 6, y + 4, figures[i].n_devices, (double) usec / 1e3);
        }
        (void) fprintf(f, "</svg>\n");
        return fclose(f) == 0 ? 0 : -errno;
}

int main(int argc, char *argv[]) {
        bool is_checked = argc == 2 && STREQ(argv[1], "--check"), is_good = true;
        Figures *figures = mmap(NULL, sizeof(Figures) * ARRAY_SIZE(sizes), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (figures == MAP_FAILED)
                return EXIT_FAILURE;
        (void) printf("devices controllers  plan ms simulate ms ns/device peak KiB\n");
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                Figures *f = &figures[i];

                measure_apart(sizes[i].spec, f);
                (void) printf("%7zu %11zu %8.2f %11.2f %9.0f %8ld\n", f->n_devices,
                              f->n_controllers, (double) f->plan_usec / 1e3,
                              (double) f->simulate_usec / 1e3, 1e3 * each_usec(f), f->peak_kib);
                if (is_checked && !check(&sizes[i], f, &figures[0]))
                        is_good = false;
        }
        if (argc == 3 && STREQ(argv[1], "--svg"))
                is_good = draw(argv[2], figures) >= 0;
        return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
