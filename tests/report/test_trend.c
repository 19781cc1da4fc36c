/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "report/trend.h"

static Entry entries[16];
static size_t n_entries;
static History histories[8];
static Trend *trends;
static size_t n_trends;

static void teardown(void) {
        for (size_t i = 0; i < ARRAY_SIZE(histories); i++)
                history_done(&histories[i]);
        trends = trends_free(trends, n_trends);
}

TestSuite(trend, .fini = teardown, .timeout = 10);

static Entry *add_controller(const char *name, Outcome outcome, usec_t usec) {
        Entry *entry = &entries[n_entries++];

        *entry = (Entry){ .kind = ENTRY_CONTROLLER,
                          .stage = STAGE_UNIT,
                          .outcome = outcome,
                          .phase_usec[PHASE_SHUTDOWN] = usec };
        (void) snprintf(entry->name, sizeof(entry->name), "%s", name);
        (void) snprintf(entry->address, sizeof(entry->address), "at-%s", name);
        (void) snprintf(entry->serial, sizeof(entry->serial), "S-%s", name);
        return entry;
}

static void make(History *target) {
        cr_assert(eq(int, history_make(entries, n_entries, target), 0));
        n_entries = 0;
}

/* Each column is a shutdown, oldest first; 0: the drive was not there. */
static void build_trend(const char *name, const usec_t *usec, size_t n) {
        for (size_t i = 0; i < n; i++) {
                if (usec[i] > 0)
                        (void) add_controller(name, OUTCOME_DETACHED, usec[i]);
                make(&histories[i]);
        }
        cr_assert(eq(int, history_trend(histories, n, &trends, &n_trends), 0));
}

Test(trend, a_drive_that_takes_more_than_half_as_long_again) {
        build_trend("nvme0", (usec_t[]){ 100, 90, 5000, 151 }, 4);
        cr_assert(eq(sz, n_trends, 1));
        cr_expect(eq(u64, trends[0].last_usec, 151));
        cr_expect(eq(u64, trends[0].earlier_usec, 100), "the median: one odd time is no trend");
        cr_expect(trends[0].is_slower);
}

Test(trend, a_drive_that_takes_half_as_long_again) {
        build_trend("nvme0", (usec_t[]){ 100, 100, 150 }, 3);
        cr_expect(not(trends[0].is_slower));
}

Test(trend, a_median_of_two_is_between_them) {
        build_trend("nvme0", (usec_t[]){ 100, 200, 226 }, 3);
        cr_expect(eq(u64, trends[0].earlier_usec, 150));
        cr_expect(trends[0].is_slower);
}

Test(trend, a_drive_that_was_away) {
        build_trend("nvme0", (usec_t[]){ 100, 0, 200, 0 }, 4);
        cr_expect(eq(u64, trends[0].usec[1], 0));
        cr_expect(eq(u64, trends[0].last_usec, 200));
        cr_expect(eq(u64, trends[0].earlier_usec, 100));
        cr_expect(trends[0].is_slower);
}

Test(trend, a_new_drive_has_no_trend) {
        build_trend("nvme0", (usec_t[]){ 0, 0, 200 }, 3);
        cr_expect(eq(u64, trends[0].earlier_usec, 0));
        cr_expect(not(trends[0].is_slower));
}

Test(trend, drives_are_told_apart_by_serial_number) {
        (void) add_controller("nvme0", OUTCOME_DETACHED, 100);
        (void) add_controller("nvme1", OUTCOME_DETACHED, 300);
        (void) add_controller("nvme2", OUTCOME_LEFT, 7);
        *add_controller("nvme3", OUTCOME_DETACHED, 7)->serial = '\0';
        make(&histories[0]);
        /* the names have changed places */
        strcpy(add_controller("nvme1", OUTCOME_DETACHED, 100)->serial, "S-nvme0");
        strcpy(add_controller("nvme0", OUTCOME_DETACHED, 500)->serial, "S-nvme1");
        make(&histories[1]);
        cr_assert(eq(int, history_trend(histories, 2, &trends, &n_trends), 0));
        cr_assert(eq(sz, n_trends, 2));
        cr_expect(eq(str, trends[0].serial, "S-nvme1"), "slower ones first");
        cr_expect(eq(str, trends[0].name, "nvme0"), "the last known name");
        cr_expect(trends[0].is_slower && !trends[1].is_slower);
}

/* Regression: virtual functions, and the two ports of a drive, were mixed up into one drive. */
Test(trend, controllers_of_one_serial_number_are_told_apart_by_address) {
        for (size_t h = 0; h < 2; h++) {
                (void) add_controller("nvme0", OUTCOME_DETACHED, 100);
                strcpy(add_controller("nvme1", OUTCOME_DETACHED, h ? 900 : 300)->serial, "S-nvme0");
                make(&histories[h]);
        }
        cr_assert(eq(int, history_trend(histories, 2, &trends, &n_trends), 0));
        cr_assert(eq(sz, n_trends, 2));
        cr_expect(eq(str, trends[0].address, "at-nvme1"));
        cr_expect(eq(u64, trends[0].last_usec, 900));
        cr_expect(eq(u64, trends[0].earlier_usec, 300));
        cr_expect(eq(str, trends[1].address, "at-nvme0"));
        cr_expect(eq(u64, trends[1].last_usec, 100));
        cr_expect(not(trends[1].is_slower));
}

/* A virtual function had the same serial number once, but was left: the address tells them
 * apart. */
Test(trend, a_physical_function_is_not_mixed_up_with_its_virtual_function) {
        (void) add_controller("nvme0", OUTCOME_DETACHED, 100);
        make(&histories[0]);
        (void) add_controller("nvme0", OUTCOME_DETACHED, 120);
        strcpy(add_controller("nvme1", OUTCOME_LEFT, 0)->serial, "S-nvme0");
        make(&histories[1]);
        strcpy(add_controller("nvme1", OUTCOME_DETACHED, 700)->serial, "S-nvme0");
        make(&histories[2]);
        cr_assert(eq(int, history_trend(histories, 3, &trends, &n_trends), 0));
        cr_assert(eq(sz, n_trends, 2));
        cr_expect(eq(u64, trends[0].usec[0], 100));
        cr_expect(eq(u64, trends[0].usec[1], 120));
        cr_expect(eq(u64, trends[0].usec[2], 0));
        cr_expect(eq(u64, trends[1].usec[2], 700));
}

Test(trend, a_drive_that_was_moved_is_still_the_same) {
        (void) add_controller("nvme0", OUTCOME_DETACHED, 100);
        make(&histories[0]);
        strcpy(add_controller("nvme0", OUTCOME_DETACHED, 200)->address, "elsewhere");
        make(&histories[1]);
        cr_assert(eq(int, history_trend(histories, 2, &trends, &n_trends), 0));
        cr_assert(eq(sz, n_trends, 1));
        cr_expect(eq(str, trends[0].address, "elsewhere"));
        cr_expect(trends[0].is_slower);
}
