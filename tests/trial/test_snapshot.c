/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>

#include "plan/plan.h"
#include "topology_builder.h"
#include "trial/generate.h"
#include "trial/snapshot.h"

static Snapshot snapshot, copy;
static char path[] = "snapshot-XXXXXX";
static char why[512];

static void setup(void) {
        int fd = mkstemp(path);

        cr_assert(ge(int, fd, 0));
        (void) close(fd);
        snapshot.config = build_config();
}

static void teardown(void) {
        (void) unlink(path);
        snapshot_done(&snapshot);
        snapshot_done(&copy);
}

TestSuite(snapshot, .init = setup, .fini = teardown, .timeout = 60);

/* free() it. */
static char *write_text(const Snapshot *s) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        cr_assert(eq(int, snapshot_write(s, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
        return text;
}

static int read_back(const char *text, size_t n) {
        FILE *stream = fopen(path, "w");

        cr_assert(ne(ptr, stream, NULL));
        cr_assert(eq(sz, fwrite(text, 1, n, stream), n));
        cr_assert(eq(int, fclose(stream), 0));
        return snapshot_read(path, &copy, why, sizeof(why));
}

/* One of everything. */
static void fill(void) {
        Topology *t = &snapshot.topology;
        ssize_t disk, part;

        build_switch_tree(t, 3);
        (void) build_nvme(t, "nvme3", "0000:04:00.1", "0000:03:00.0");
        build_physfn(t, "0000:04:00.1", "0000:04:00.0");
        (void) build_foreign(t, "0000:06:00.0", NULL, "vfio-pci");
        (void) build_foreign(t, "0000:07:00.0", NULL, NULL);
        build_use(t, "0000:04:00.0", USE_MOUNT, "/dev/nvme1n1p1 is mounted on /s\xc3\xa9\n\"\\");
        t->devices[topology_find_device(t, "0000:01:00.0")].controller->rtd3e_usec = 8000000;
        disk = topology_add_block(t, BLOCK_NAMESPACE, "nvme1n1", 0x10300);
        part = topology_add_block(t, BLOCK_PARTITION, "nvme1n1p1", 0);
        cr_assert(eq(int, topology_link_user(t, disk, part), 0));
        cr_assert(eq(int,
                     topology_link_controller(t, disk, topology_find_device(t, "0000:04:00.0")),
                     0));
        use_raise(&t->blocks[part].use, USE_MOUNT, strdup("mounted"));
        cr_assert(eq(int, topology_sort(t), 0));
        snapshot.kernel = strdup("6.1.0");
        snapshot.config.order = ORDER_TWO_PASS;
        snapshot.config.max_parallel = 7;
        snapshot.config.is_selection_uncertain = true;
        cr_assert(eq(int, lines_add(&snapshot.unknown, "the %s", "weather"), 0));
}

Test(snapshot, comes_back_as_it_was_written) {
        char *first, *second;
        const Device *d;

        fill();
        first = write_text(&snapshot);
        cr_assert(eq(int, read_back(first, strlen(first)), 0), "%s", why);
        second = write_text(&copy);
        cr_expect(eq(str, second, first));
        cr_expect(eq(int, copy.config.order, ORDER_TWO_PASS));
        cr_expect(eq(uint, copy.config.max_parallel, 7));
        cr_expect(eq(ptr, copy.config.include, NULL));
        cr_expect(copy.config.is_selection_uncertain);
        cr_expect(eq(str, copy.unknown.items[0], "the weather"));
        cr_assert(eq(sz, copy.topology.n_devices, snapshot.topology.n_devices));
        d = &copy.topology.devices[topology_find_device(&copy.topology, "0000:04:00.0")];
        cr_expect(eq(str, d->controller->serial, "S-nvme1"));
        cr_expect(eq(int, d->controller->use.kind, USE_MOUNT));
        cr_expect(eq(str, d->controller->use.detail, "/dev/nvme1n1p1 is mounted on /s???\"\\"));
        d = &copy.topology.devices[topology_find_device(&copy.topology, "0000:04:00.1")];
        cr_expect(eq(str, copy.topology.devices[d->physfn].address, "0000:04:00.0"));
        d = &copy.topology.devices[topology_find_device(&copy.topology, "0000:01:00.0")];
        cr_expect(eq(u64, d->controller->rtd3e_usec, 8000000));
        cr_expect(eq(u64, copy.topology.blocks[0].devnum, 0x10300));
        cr_expect(eq(int, copy.topology.blocks[1].use.kind, USE_MOUNT));
        free(first);
        free(second);
}

/* A bug report is about what happens: the same plan must come out. */
Test(snapshot, gives_the_same_plan) {
        char *text;
        Plan plan, again;

        fill();
        text = write_text(&snapshot);
        cr_assert(eq(int, read_back(text, strlen(text)), 0), "%s", why);
        cr_assert(eq(int, plan_make(&snapshot.topology, &snapshot.config, &plan), 0));
        cr_assert(eq(int, plan_make(&copy.topology, &copy.config, &again), 0));
        for (size_t i = 0; i < plan.n_steps; i++) {
                cr_expect(eq(int, plan.steps[i].action, again.steps[i].action));
                cr_expect(eq(sz, plan.steps[i].n_gates, again.steps[i].n_gates));
                cr_expect(eq(sz, plan.steps[i].n_turns, again.steps[i].n_turns));
        }
        plan_done(&plan);
        plan_done(&again);
        free(text);
}

struct bad_row {
        char devices[400];
        char why[200];
};

#define NVME(address, more) \
        "{\"address\":\"" address "\",\"kind\":\"controller\",\"controller\":{" more "}}"

ParameterizedTestParameters(snapshot, names_the_place_of_a_fault) {
        static struct bad_row rows[] = {
                { "{}", "devices: must be of" },
                { "[7]", "devices[0]: must be an object" },
                { "[{\"kind\":\"bridge\"}]", "devices[0]: \"address\" is missing" },
                { "[{\"address\":\"\",\"kind\":\"bridge\"}]", "devices[0]: \"address\" is empty" },
                { "[{\"address\":\"a b\",\"kind\":\"bridge\"}]",
                  "devices[0]: \"address\" must be printable, without blanks" },
                { "[{\"address\":\"a\\u0000b\",\"kind\":\"bridge\"}]",
                  "devices[0]: \"address\" holds a NUL or more than 4095 bytes" },
                { "[{\"address\":[],\"kind\":\"bridge\"}]",
                  "devices[0]: \"address\" must be of type string" },
                { "[{\"address\":\"a\",\"kind\":\"tape\"}]", "devices[0]: unknown kind \"tape\"" },
                { "[{\"address\":\"a\",\"kind\":\"bridge\"},{\"address\":\"a\",\"kind\":\"VMD\"}]",
                  "devices[1]: there is another device a" },
                { "[{\"address\":\"a\",\"kind\":\"controller\"}]",
                  "devices[0]: a controller needs a \"controller\"" },
                { "[{\"address\":\"a\",\"kind\":\"bridge\",\"controller\":{}}]",
                  "devices[0]: a bridge has no \"controller\"" },
                { "[" NVME("a", "") "]", "devices[0]: \"name\" is missing" },
                { "[" NVME("a", "\"name\":\"n\",\"rtd3e_usec\":-1") "]",
                  "devices[0]: \"rtd3e_usec\" must be a number from 0 to 4294967295" },
                { "[" NVME("a", "\"name\":\"n\",\"use\":{\"kind\":\"lent\"}") "]",
                  "devices[0]: unknown kind \"lent\"" },
                { "[{\"address\":\"a\",\"kind\":\"bridge\",\"parent\":\"b\"}]",
                  "devices[0]: \"parent\": there is no device b" },
                { "[{\"address\":\"a\",\"kind\":\"bridge\",\"parent\":\"a\"}]",
                  "devices: a is below itself, or deeper than 600" },
                { "[{\"address\":\"a\",\"kind\":\"bridge\",\"physfn\":\"a\"}]",
                  "devices[0]: is its own physical function" },
                { "[{\"address\":\"a\",\"kind\":\"bridge\",\"parent\":\"b\"},"
                  "{\"address\":\"b\",\"kind\":\"bridge\",\"parent\":\"a\"}]",
                  "devices: a is below itself, or deeper than 600" },
        };

        return cr_make_param_array(struct bad_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct bad_row *row, snapshot, names_the_place_of_a_fault) {
        char text[1024], expected[300];
        int n = snprintf(text, sizeof(text),
                         "{\"schema\":\"" SNAPSHOT_SCHEMA "\",\"schema_version\":1,\"devices\":%s}",
                         row->devices);

        cr_assert(eq(int, read_back(text, n), -EINVAL), "%s", row->devices);
        (void) snprintf(expected, sizeof(expected), "%s: %s", path,
                        STREQ(row->devices, "{}") ? "\"devices\" must be of type array" : row->why);
        cr_expect(eq(str, why, expected));
        cr_expect(eq(sz, copy.topology.n_devices, 0));
}

/* Whoever comes first: the top, so that each depth is known when the next one is looked at, or the
 * bottom. Whoever walks or draws the tree may use the stack. */
Test(snapshot, refuses_a_tree_that_is_too_deep) {
        for (unsigned depth = 600; depth <= 601; depth++)
                for (unsigned is_top_first = 0; is_top_first <= 1; is_top_first++) {
                        char *text = NULL;
                        size_t size;
                        FILE *stream = open_memstream(&text, &size);

                        (void) fprintf(stream, "{\"schema\":\"" SNAPSHOT_SCHEMA
                                               "\",\"schema_version\":1,\"devices\":[");
                        for (unsigned i = 0; i < depth; i++) {
                                unsigned k = is_top_first ? i : depth - 1 - i;

                                (void) fprintf(stream, "%s{\"address\":\"d%u\",\"kind\":\"bridge\"",
                                               i > 0 ? "," : "", k);
                                if (k > 0)
                                        (void) fprintf(stream, ",\"parent\":\"d%u\"", k - 1);
                                (void) fprintf(stream, "}");
                        }
                        (void) fprintf(stream, "]}");
                        cr_assert(eq(int, fclose(stream), 0));
                        cr_expect(eq(int, read_back(text, size), depth > 600 ? -EINVAL : 0), "%s",
                                  why);
                        snapshot_done(&copy);
                        free(text);
                }
}

struct bad_file {
        char text[200];
        char why[160];
};

ParameterizedTestParameters(snapshot, refuses_what_is_no_snapshot) {
        static struct bad_file rows[] = {
                { "", ": 1:1: is no JSON as nvme-async-shutdown snapshot prints it: unexpected end "
                      "of data" },
                { "{\n \"schema\": ", ": 2:12: is no JSON as nvme-async-shutdown snapshot prints "
                                      "it: unexpected end of data" },
                { "{\n  \"schema\" 7 }", ": 2:12: is no JSON as nvme-async-shutdown snapshot "
                                         "prints it: object property name separator ':' expected" },
                { "[]", ": 1:1: is no JSON as nvme-async-shutdown snapshot prints it: an object "
                        "was expected" },
                { "{} {}", ": 1:4: is no JSON as nvme-async-shutdown snapshot prints it: something "
                           "follows the object" },
                { "{}", ": \"schema\" is missing" },
                { "{\"schema\":\"other\"}", ": \"schema\" must be nvme-async-shutdown-snapshot" },
                { "{\"schema\":\"" SNAPSHOT_SCHEMA "\"}",
                  ": \"schema_version\" must be 1 for this version" },
                { "{\"schema\":\"" SNAPSHOT_SCHEMA "\",\"schema_version\":2}",
                  ": \"schema_version\" must be 1 for this version" },
                { "{\"schema\":\"" SNAPSHOT_SCHEMA
                  "\",\"schema_version\":1,\"config\":{\"Order\":\"random\"}}",
                  ": config: \"Order\" must be hierarchy, leaves, two-pass or serial" },
                { "{\"schema\":\"" SNAPSHOT_SCHEMA
                  "\",\"schema_version\":1,\"config\":{\"Flush\":true}}",
                  ": config: \"Flush\" must be of type string" },
                { "{\"schema\":\"" SNAPSHOT_SCHEMA
                  "\",\"schema_version\":1,\"blocks\":[{\"name\":\"a\",\"kind\":\"holder\","
                  "\"users\":[\"b\"]}]}",
                  ": blocks[0]: \"users\": there is no b" },
                { "{\"schema\":\"" SNAPSHOT_SCHEMA
                  "\",\"schema_version\":1,\"blocks\":[{\"name\":\"a\",\"kind\":\"holder\","
                  "\"devnum\":\"x\"}]}",
                  ": blocks[0]: \"devnum\" must be MAJOR:MINOR" },
        };

        return cr_make_param_array(struct bad_file, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct bad_file *row, snapshot, refuses_what_is_no_snapshot) {
        cr_expect(eq(int, read_back(row->text, strlen(row->text)), -EINVAL));
        cr_expect(eq(str, why + strlen(path), row->why));
}

Test(snapshot, says_what_it_can_not_open) {
        cr_expect(eq(int, snapshot_read("/nonexistent/file", &copy, why, sizeof(why)), -ENOENT));
        cr_expect(eq(str, why, "/nonexistent/file: No such file or directory"));
        cr_expect(eq(int, read_back("{\0}", 3), -EINVAL));
        cr_expect(eq(str, why + strlen(path), ": holds NUL bytes"));
}

/* Newer minor versions add members; a setting of theirs may matter, so it is named. */
Test(snapshot, ignores_what_is_new_and_says_so_of_settings) {
        static const char text[] =
                "{\"schema\":\"" SNAPSHOT_SCHEMA "\",\"schema_version\":1,\"weather\":[1],"
                "\"config\":{\"Co\\u001blour\":\"red\",\"MaxParallel\":\"3\"}}";

        cr_assert(eq(int, read_back(text, strlen(text)), 0), "%s", why);
        cr_expect(eq(uint, copy.config.max_parallel, 3));
        cr_assert(eq(sz, copy.unknown.n, 1));
        cr_expect(eq(str, copy.unknown.items[0],
                     "the setting Co?lour= is not known to this version"));
}

/* Earlier versions took it and wrote it: the drive that it was meant for must not seem to go. */
Test(snapshot, a_glob_that_selects_nothing_makes_the_selection_uncertain) {
        static const char text[] =
                "{\"schema\":\"" SNAPSHOT_SCHEMA "\",\"schema_version\":1,"
                "\"config\":{\"Exclude\":\"/dev/nvme1 \\u001b S1\",\"Include\":\"nvme*\"}}";

        cr_assert(eq(int, read_back(text, strlen(text)), 0), "%s", why);
        cr_expect(copy.config.is_selection_uncertain);
        cr_expect(eq(str, copy.config.exclude[0], "S1"));
        cr_expect(eq(str, copy.config.include[0], "nvme*"));
        cr_assert(eq(sz, copy.unknown.n, 1));
        cr_expect(eq(int,
                     strncmp(copy.unknown.items[0], "the setting Exclude=: \"/dev/nvme1\" selects",
                             41),
                     0),
                  "%s", copy.unknown.items[0]);
}

/* Whatever a byte becomes and wherever the file ends: an answer, and never a crash. */
Test(snapshot, survives_damage) {
        uint64_t state = 1;
        size_t n, n_refused = 0;
        char *text;

        fill();
        text = write_text(&snapshot);
        n = strlen(text);
        for (size_t round = 0; round < 4000; round++) {
                char *damaged = strdup(text);
                size_t length = n;

                for (size_t k = 0; k <= round % 3; k++) {
                        state = state * 6364136223846793005U + 1442695040888963407U;
                        damaged[(state >> 33) % n] = "\"{}[],:0a \\\x01\xff-e"[(state >> 20) % 16];
                }
                if (round % 4 == 0)
                        length = (state >> 40) % n;
                if (read_back(damaged, length) < 0) {
                        n_refused++;
                        cr_assert(eq(int, strncmp(why, path, strlen(path)), 0), "%s", why);
                }
                snapshot_done(&copy);
                free(damaged);
        }
        cr_expect(gt(sz, n_refused, 1000));
        free(text);
}

Test(snapshot, blanks_around_an_attribute_do_not_count_and_a_blank_one_is_none) {
        static const char text[] =
                "{\"schema\":\"" SNAPSHOT_SCHEMA "\",\"schema_version\":1,\"devices\":["
                "{\"address\":\"a\",\"kind\":\"controller\",\"controller\":"
                "{\"name\":\"nvme0\",\"model\":\"  A MODEL  \",\"serial\":\"     \"}}]}";
        static const char nameless[] =
                "{\"schema\":\"" SNAPSHOT_SCHEMA "\",\"schema_version\":1,\"devices\":["
                "{\"address\":\"a\",\"kind\":\"controller\",\"controller\":{\"name\":\" \"}}]}";

        cr_assert(eq(int, read_back(text, strlen(text)), 0), "%s", why);
        cr_expect(eq(str, copy.topology.devices[0].controller->model, "A MODEL"));
        cr_expect(eq(ptr, copy.topology.devices[0].controller->serial, NULL));
        snapshot_done(&copy);
        cr_expect(eq(int, read_back(nameless, strlen(nameless)), -EINVAL));
        cr_expect(eq(str, why + strlen(path), ": devices[0]: \"name\" is blank"));
}

/* Names and places are shown to somebody at a terminal. */
Test(snapshot, brings_no_escape_sequences) {
        static const char text[] =
                "{\"schema\":\"" SNAPSHOT_SCHEMA "\",\"schema_version\":1,\"devices\":["
                "{\"address\":\"a\",\"kind\":\"controller\",\"controller\":"
                "{\"name\":\"\\u001b[2Jnvme0\",\"model\":\"\\n\"}}]}";
        static const char bad[] =
                "{\"schema\":\"" SNAPSHOT_SCHEMA "\",\"schema_version\":1,\"devices\":["
                "{\"address\":\"a\",\"kind\":\"\\u001b[2J\"}]}";

        cr_assert(eq(int, read_back(text, strlen(text)), 0), "%s", why);
        cr_expect(eq(str, copy.topology.devices[0].controller->name, "?[2Jnvme0"));
        snapshot_done(&copy);
        cr_expect(eq(int, read_back(bad, strlen(bad)), -EINVAL));
        cr_expect(eq(ptr, strchr(why, '\x1b'), NULL));
}

/* Each device and link is looked up, so a slow look-up would show here. */
Test(snapshot, reads_a_large_machine_in_no_time) {
        usec_t before;
        char *text;

        snapshot_done(&snapshot);
        snapshot.config = build_config();
        cr_assert(eq(int,
                     topology_generate("8*host/switch:24/switch:50/nvme", &snapshot.topology, why,
                                       sizeof(why)),
                     0));
        text = write_text(&snapshot);
        before = usec_now();
        cr_assert(eq(int, read_back(text, strlen(text)), 0), "%s", why);
        cr_expect(lt(u64, usec_now() - before, 10 * USEC_PER_SEC));
        cr_expect(eq(sz, copy.topology.n_devices, snapshot.topology.n_devices));
        free(text);
}
