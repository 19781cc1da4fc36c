/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <json-c/json.h>

#include "show/rehearsal.h"
#include "topology_builder.h"

#define N 4

static Topology topology;
static Rehearsal rehearsal;
static char *text;
static struct json_object *object;

static void set(size_t i, Outcome outcome, usec_t usec, RebindOutcome rebind, const char *name) {
        rehearsal.record.results[i].outcome = outcome;
        rehearsal.record.results[i].phase_usec[PHASE_SHUTDOWN] = usec;
        rehearsal.rebinds[i].outcome = rebind;
        rehearsal.rebinds[i].usec = rebind == REBIND_NONE ? 0 : 70 * USEC_PER_MSEC;
        (void) snprintf(rehearsal.rebinds[i].name, sizeof(rehearsal.rebinds[i].name), "%s", name);
}

static void setup(void) {
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:03:00.0", NULL);
        (void) build_foreign(&topology, "0000:04:00.0", NULL, NULL);
        cr_assert(eq(int, record_init(&rehearsal.record, STAGE_UNIT, ACTION_REBOOT, N), 0));
        rehearsal.rebinds = calloc(N, sizeof(RebindResult));
        cr_assert(ne(ptr, rehearsal.rebinds, NULL));
        set(0, OUTCOME_LEFT, 0, REBIND_NONE, "");
        (void) strcpy(rehearsal.record.results[0].reason, "/dev/nvme0n1 is mounted on /");
        set(1, OUTCOME_DETACHED, 2 * USEC_PER_SEC, REBIND_DONE, "nvme1");
        set(2, OUTCOME_DETACHED, 1500 * USEC_PER_MSEC, REBIND_DONE, "nvme2");
        rehearsal.record.results[1].is_verified = true;
        set(3, OUTCOME_LEFT, 0, REBIND_NONE, "");
        rehearsal.record.started_usec = USEC_PER_SEC;
        rehearsal.record.ended_usec = 3100 * USEC_PER_MSEC;
        rehearsal.rebind_usec = 80 * USEC_PER_MSEC;
}

static void teardown(void) {
        (void) json_object_put(object);
        free(text);
        rehearsal_done(&rehearsal);
        topology_done(&topology);
}

TestSuite(show_rehearsal, .init = setup, .fini = teardown, .timeout = 10);

static void show(bool json) {
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        cr_assert(eq(int, show_rehearsal(&topology, &rehearsal, json, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
}

static void show_mending(void) {
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        show_rehearsal_mending(&topology, &rehearsal, stream);
        cr_assert(eq(int, fclose(stream), 0));
}

static struct json_object *get(struct json_object *from, const char *key) {
        struct json_object *value = NULL;

        cr_assert(json_object_object_get_ex(from, key, &value), "no %s in %s", key, text);
        return value;
}

static struct json_object *controller(size_t i) {
        object = object ? object : json_tokener_parse(text);
        return json_object_array_get_idx(get(object, "controllers"), i);
}

static void expect_text(struct json_object *from, const char *key, const char *expected) {
        const char *value = json_object_get_string(get(from, key));

        if (expected)
                cr_expect(eq(str, (char *) value, (char *) expected), "%s", key);
        else
                cr_expect(eq(ptr, (void *) value, NULL), "%s", key);
}

static void expect_number(struct json_object *from, const char *key, int64_t expected) {
        cr_expect(eq(i64, json_object_get_int64(get(from, key)), expected), "%s", key);
}

Test(show_rehearsal, table_has_every_controller_and_the_totals) {
        show(false);
        cr_expect(ne(ptr, strstr(text, "nvme1 0000:02:00.0 S-nvme1 detached"), NULL), "%s", text);
        cr_expect(ne(ptr, strstr(text, "2.000s"), NULL));
        cr_expect(ne(ptr, strstr(text, "0.070s done"), NULL));
        cr_expect(ne(ptr, strstr(text, "/dev/nvme0n1 is mounted on /"), NULL));
        cr_expect(eq(ptr, strstr(text, "0000:04:00.0"), NULL));
        cr_expect(ne(ptr,
                     strstr(text, "\n2 shut down in 2.100s; one after the other, as the kernel "
                                  "alone does it: about 3.500s; saved: 1.400s. Binding again took "
                                  "0.080s.\n"),
                     NULL),
                  "%s", text);
}

Test(show_rehearsal, json_names_each_controller) {
        show(true);
        (void) controller(0);
        cr_expect(eq(sz, json_object_array_length(get(object, "controllers")), 3));
        expect_text(controller(0), "reason", "/dev/nvme0n1 is mounted on /");
        expect_text(controller(0), "outcome", "left");
        expect_text(controller(0), "rebind", "none");
        expect_text(controller(0), "new_name", NULL);
        expect_text(controller(1), "name", "nvme1");
        expect_text(controller(1), "address", "0000:02:00.0");
        expect_text(controller(1), "model", "Test");
        expect_text(controller(1), "serial", "S-nvme1");
        expect_text(controller(1), "outcome", "detached");
        cr_expect(eq(int, json_object_get_boolean(get(controller(1), "verified")), 1));
        cr_expect(eq(int, json_object_get_boolean(get(controller(2), "verified")), 0));
        expect_text(controller(1), "reason", NULL);
        expect_text(controller(1), "rebind", "done");
        expect_text(controller(1), "mend", NULL);
        expect_text(controller(1), "new_name", "nvme1");
        expect_number(controller(1), "usec", 2000000);
        expect_number(controller(1), "rebind_usec", 70000);
        expect_number(get(controller(1), "phases_usec"), "shutdown", 2000000);
        expect_number(get(controller(1), "phases_usec"), "fork", 0);
}

Test(show_rehearsal, json_has_the_totals) {
        show(true);
        (void) controller(0);
        expect_number(get(object, "totals"), "detached", 2);
        expect_number(get(object, "totals"), "left", 1);
        expect_number(get(object, "totals"), "elapsed_usec", 2100000);
        expect_number(get(object, "totals"), "serial_usec", 3500000);
        expect_number(get(object, "totals"), "saved_usec", 1400000);
        expect_number(get(object, "totals"), "rebind_usec", 80000);
        cr_expect(not(json_object_get_boolean(get(get(object, "totals"), "interrupted"))));
}

Test(show_rehearsal, no_controllers_is_no_table) {
        topology.n_devices = 0;
        rehearsal.record.n_results = 0;
        show(false);
        topology.n_devices = N;
        cr_expect(eq(str, text, "No NVMe controllers.\n"));
}

Test(show_rehearsal, prints_nothing_if_all_are_back) {
        show_mending();
        cr_expect(eq(str, text, ""));
}

Test(show_rehearsal, names_drives_that_are_not_back_and_the_command) {
        RebindResult *rebind = &rehearsal.rebinds[1];

        rebind->outcome = REBIND_FAILED;
        (void) strcpy(rebind->reason, "writing to /bind: No such device");
        (void) strcpy(rebind->mend, "echo 0000:02:00.0 > /bind");
        (void) strcpy(rebind->name, "");
        (void) strcpy(rehearsal.rebinds[2].name, "nvme1");
        show_mending();
        cr_expect(eq(str, text,
                     "nvme1 0000:02:00.0 is not back: writing to /bind: No such device\n"
                     "    echo 0000:02:00.0 > /bind\n"
                     "nvme2 0000:03:00.0 is now nvme1.\n"));
}
