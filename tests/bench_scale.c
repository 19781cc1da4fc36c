/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the cost of a plan and of a simulated shutdown grows with the machine. Each measurement has a
 * process of its own, so that its memory can be measured and, as with the verb "simulate", none is
 * allocated before.
 *
 * Without arguments: prints a table.
 * --check: also exits with 1 if a limit is exceeded.
 * --csv: prints figures for plot_scale.py.
 */

#include <inttypes.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "config/config.h"
#include "topology_builder.h"
#include "trial/latency.h"
#include "trial/simulate.h"

#define LIMIT_USEC (100 * USEC_PER_MSEC)
#define LIMIT_KIB (64 * 1024)
/* How much more time a device may cost on the largest machine than on the smallest. A quadratic
 * cost would make this 100. Measured: 2.4, with 1.3 times as many instructions (the heaps: O(log
 * n)); the rest is memory access, as the machine no longer fits into the caches and controllers do
 * not end in the order of the lists. */
#define LIMIT_GROWTH 10

#define ROUNDS 5

typedef struct Size {
        unsigned n_hosts;          /* each with a switch below its only root port */
        unsigned n_outer, n_inner; /* ports of that switch, and of another one below each of them */
        unsigned n_drives;         /* on root ports of their own; 0: one below each inner port */
        bool is_limited;           /* by LIMIT_USEC and LIMIT_KIB */
} Size;

static const Size sizes[] = {
        { 1, 16, 30, 0, false },   { 3, 16, 30, 0, false },  { 10, 16, 30, 0, false },
        { 4, 64, 69, 1024, true }, { 30, 16, 30, 0, false }, { 100, 16, 30, 0, false },
};

typedef struct Figures {
        size_t n_devices;
        size_t n_controllers;
        double plan_usec; /* of CPU time, the best of ROUNDS */
        double simulate_usec;
        long peak_kib;
        bool is_complete;
} Figures;

/* Where the next device goes: each bridge has a bus of its own. */
typedef struct Place {
        Topology *topology;
        unsigned domain, n_buses, n_drives;
} Place;

static const char *format_address(char buffer[static 32], unsigned domain, unsigned bus,
                                  unsigned slot) {
        (void) snprintf(buffer, 32, "%04x:%02x:%02x.%x", domain, bus, slot / 8, slot % 8);
        return buffer;
}

static void add_drive(Place *place, const char *parent, unsigned bus) {
        char address[32], name[32];
        ssize_t block;

        (void) snprintf(name, sizeof(name), "nvme%u", place->n_drives++);
        (void) build_nvme(place->topology, name, format_address(address, place->domain, bus, 0),
                          parent);
        (void) strcat(name, "n1");
        block = topology_add_block(place->topology, BLOCK_NAMESPACE, name, 0);
        if (block < 0 || topology_link_controller(place->topology, (size_t) block,
                                                  topology_find_device(place->topology, address)))
                abort();
}

/* depth 2: the outer switch. */
static void add_switch(Place *place, const Size *size, const char *parent, unsigned bus,
                       unsigned depth) {
        unsigned n_ports = depth == 2 ? size->n_outer : size->n_inner, inside = ++place->n_buses;
        char upstream[32];

        (void) build_bridge(place->topology, DEVICE_BRIDGE,
                            format_address(upstream, place->domain, bus, 0), parent);
        for (unsigned i = 0; i < n_ports; i++) {
                unsigned below = ++place->n_buses;
                char port[32];

                (void) build_bridge(place->topology, DEVICE_BRIDGE,
                                    format_address(port, place->domain, inside, i), upstream);
                if (depth == 2)
                        add_switch(place, size, port, below, 1);
                else if (size->n_drives == 0)
                        add_drive(place, port, below);
        }
}

static void add_root_port(Place *place, unsigned slot, const char *host, char ret[static 32]) {
        place->n_buses++;
        (void) build_bridge(place->topology, DEVICE_BRIDGE,
                            format_address(ret, place->domain, 0, slot), host);
}

static void build_machine(const Size *size, Topology *topology) {
        Place place = { .topology = topology };
        char host[32], port[32];

        for (; place.domain <= size->n_hosts; place.domain++) {
                bool is_last = place.domain == size->n_hosts;

                if (is_last && size->n_drives == 0)
                        break;
                place.n_buses = 0;
                (void) snprintf(host, sizeof(host), "pci%04x:00", place.domain);
                (void) build_bridge(topology, DEVICE_HOST_BRIDGE, host, NULL);
                for (unsigned i = 0; i < (is_last ? size->n_drives : 1); i++) {
                        add_root_port(&place, i, host, port);
                        if (is_last)
                                add_drive(&place, port, place.n_buses);
                        else
                                add_switch(&place, size, port, place.n_buses, 2);
                }
        }
        if (topology_sort(topology) < 0)
                abort();
}

static double cpu_now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}

static void keep_best(double *best, double usec) {
        if (*best == 0 || usec < *best)
                *best = usec;
}

/* simulate() makes the plan of its order itself. */
static int measure_once(const Topology *topology, const Config *config, Figures *figures) {
        Simulation simulation;
        Plan plan;
        double start = cpu_now(), middle;
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

static int measure_in_child(const Size *size, Figures *figures) {
        Latency latency = { .kind = LATENCY_KNOWN };
        Topology topology = TOPOLOGY_INIT;
        struct rusage usage;
        Config config;
        int r;

        config_set_defaults(&config);
        build_machine(size, &topology);
        figures->n_devices = topology.n_devices;
        r = latency_parse("0.1s-13s", &latency);
        if (r < 0)
                return r;
        (void) latency_apply(&latency, &topology);
        r = measure_once(&topology, &config, figures);
        topology_done(&topology);
        (void) getrusage(RUSAGE_SELF, &usage);
        figures->peak_kib = usage.ru_maxrss;
        return r;
}

static void measure_apart(const Size *size, Figures *figures) {
        for (unsigned i = 0; i < ROUNDS; i++) {
                pid_t pid = fork();

                if (pid == 0) {
                        figures->is_complete = measure_in_child(size, figures) >= 0;
                        _exit(EXIT_SUCCESS);
                }
                if (pid > 0)
                        (void) waitpid(pid, NULL, 0);
        }
}

static double each_usec(const Figures *f) {
        return (f->plan_usec + f->simulate_usec) / (double) f->n_devices;
}

static bool check_limits(const Size *size, const Figures *f, const Figures *smallest) {
        bool is_good = f->is_complete;

        if (size->is_limited &&
            (f->plan_usec + f->simulate_usec > LIMIT_USEC || f->peak_kib > LIMIT_KIB))
                is_good = false;
        if (each_usec(f) > LIMIT_GROWTH * each_usec(smallest))
                is_good = false;
        if (!is_good)
                (void) printf("TOO MUCH: %zu devices\n", f->n_devices);
        return is_good;
}

static void print_table(const Size *size, const Figures *f) {
        (void) printf("%7zu %11zu %8.2f %11.2f %9.0f %8ld\n", f->n_devices, f->n_controllers,
                      f->plan_usec / 1e3, f->simulate_usec / 1e3, 1e3 * each_usec(f), f->peak_kib);
}

static void print_csv(const Size *size, const Figures *f) {
        (void) printf("%zu,%zu,%.0f,%.0f,%ld,%d\n", f->n_devices, f->n_controllers, f->plan_usec,
                      f->simulate_usec, f->peak_kib, size->is_limited);
}

int main(int argc, char *argv[]) {
        bool is_checked = argc == 2 && STREQ(argv[1], "--check"), is_good = true;
        bool is_csv = argc == 2 && STREQ(argv[1], "--csv");
        Figures *figures = mmap(NULL, sizeof(Figures) * ARRAY_SIZE(sizes), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (figures == MAP_FAILED || (argc > 1 && !is_checked && !is_csv))
                return EXIT_FAILURE;
        (void) puts(is_csv ? "devices,controllers,plan_usec,simulate_usec,peak_kib,is_limited"
                           : "devices controllers  plan ms simulate ms ns/device peak KiB");
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                Figures *f = &figures[i];

                measure_apart(&sizes[i], f);
                (is_csv ? print_csv : print_table)(&sizes[i], f);
                if (is_checked && !check_limits(&sizes[i], f, &figures[0]))
                        is_good = false;
        }
        return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
