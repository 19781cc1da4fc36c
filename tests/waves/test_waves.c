/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "topology_builder.h"
#include "trial/ops_virtual.h"
#include "waves/waves.h"

#define SECOND USEC_PER_SEC

/* A topology, its plan, a scripted world and the record of the run. */
typedef struct Scene {
        Topology topology;
        Config config;
        Plan plan;
        VirtualWorld world;
        Record record;
        WavesOptions options;
        size_t ended[16]; /* order of the observer's calls */
        size_t n_ended;
} Scene;

static void on_ended(void *userdata, const Record *record, size_t device) {
        Scene *scene = userdata;

        cr_assert(ne(int, record->results[device].outcome, OUTCOME_PENDING));
        scene->ended[scene->n_ended++ % ARRAY_SIZE(scene->ended)] = device;
}

typedef struct Told {
        size_t n;
        size_t n_done, n_steps;
        usec_t elapsed_usec;
} Told;

static Told told;

static void on_progress(void *userdata, size_t n_done, size_t n_steps, usec_t elapsed_usec) {
        told = (Told){ told.n + 1, n_done, n_steps, elapsed_usec };
}

/* The switch tree {A; {B, C}}. Every controller takes one second; the deadline is after 40. */
static Scene switch_scene(void) {
        Scene scene = { .config = build_config() };

        build_switch_tree(&scene.topology, 0);
        cr_assert(eq(int, topology_sort(&scene.topology), 0));
        return scene;
}

static void prepare_scene(Scene *scene) {
        cr_assert(eq(int, plan_make(&scene->topology, &scene->config, &scene->plan), 0));
        cr_assert(eq(int, virtual_world_init(&scene->world, scene->plan.n_steps, SECOND), 0));
        scene->options = (WavesOptions){
                .deadline_usec = scene->world.now + 40 * SECOND,
                .ended = on_ended,
        };
        cr_assert(eq(int,
                     record_init(&scene->record, STAGE_UNIT, ACTION_REBOOT, scene->plan.n_steps),
                     0));
}

static void run_scene(Scene *scene) {
        scene->options.userdata = scene;
        cr_assert(eq(int,
                     waves_run(&scene->plan, &ops_virtual, &scene->world, &scene->options,
                               &scene->record),
                     0));
        cr_assert(eq(sz, scene->world.n_running, 0));
        cr_assert(eq(sz, scene->n_ended, scene->plan.n_steps));
        for (size_t i = 0; i < scene->record.n_results; i++)
                cr_assert(ne(int, scene->record.results[i].outcome, OUTCOME_PENDING));
}

static void scene_done(Scene *scene) {
        record_done(&scene->record);
        virtual_world_done(&scene->world);
        plan_done(&scene->plan);
        topology_done(&scene->topology);
}

static size_t index_of(const Scene *scene, const char *address) {
        size_t i = topology_find_device(&scene->topology, address);

        cr_assert(ne(sz, i, TOPOLOGY_NONE));
        return i;
}

static VirtualStep *step_of(Scene *scene, const char *address) {
        return &scene->world.steps[index_of(scene, address)];
}

static StepResult *result_of(Scene *scene, const char *address) {
        return &scene->record.results[index_of(scene, address)];
}

#define A "0000:01:00.0"
#define B "0000:04:00.0"
#define C "0000:05:00.0"
#define ROOT_PORT "0000:00:00.0"
#define UPSTREAM "0000:02:00.0"

/* The stage sets it, as its survey counts as well. */
Test(waves, a_start_that_is_set_stays, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        s.record.started_usec = SECOND / 2;
        run_scene(&s);
        cr_expect(eq(u64, s.record.ended_usec - s.record.started_usec, SECOND + SECOND / 2));
        scene_done(&s);
}

Test(waves, starts_all_leaves_at_once, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        run_scene(&s);
        cr_expect(eq(sz, s.world.max_running, 3));
        cr_expect(eq(u64, s.record.ended_usec - s.record.started_usec, SECOND));
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_DETACHED));
        cr_expect(result_of(&s, A)->is_verified);
        cr_expect(eq(u64, record_totals(&s.record, &s.topology).serial_usec, 3 * SECOND));
        cr_expect(eq(u64, record_totals(&s.record, &s.topology).saved_usec, 2 * SECOND));
        scene_done(&s);
}

/* Bus 3 is released only when both B and C are done; A waits for neither. */
Test(waves, releases_a_parent_at_its_last_child, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        step_of(&s, B)->latency_usec = 5 * SECOND;
        step_of(&s, C)->latency_usec = 3 * SECOND;
        run_scene(&s);
        cr_expect(eq(u64, result_of(&s, A)->ended_usec, 2 * SECOND));
        cr_expect(eq(u64, result_of(&s, "0000:03:00.1")->ended_usec, 4 * SECOND));
        cr_expect(eq(u64, result_of(&s, "0000:03:00.0")->ended_usec, 6 * SECOND));
        cr_expect(eq(u64, result_of(&s, UPSTREAM)->ended_usec, 6 * SECOND));
        cr_expect(eq(u64, result_of(&s, ROOT_PORT)->ended_usec, 6 * SECOND));
        scene_done(&s);
}

Test(waves, a_virtual_function_ends_before_its_physical_one_starts, .timeout = 10) {
        Scene s = { .config = build_config() };

        (void) build_nvme(&s.topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&s.topology, "nvme1", "0000:01:00.1", NULL);
        (void) build_nvme(&s.topology, "nvme2", "0000:01:00.2", NULL);
        build_physfn(&s.topology, "0000:01:00.1", "0000:01:00.0");
        build_physfn(&s.topology, "0000:01:00.2", "0000:01:00.0");
        prepare_scene(&s);
        step_of(&s, "0000:01:00.2")->latency_usec = 7 * SECOND;
        run_scene(&s);
        cr_expect(eq(u64, step_of(&s, "0000:01:00.0")->started_usec,
                     step_of(&s, "0000:01:00.2")->ended_usec));
        cr_expect(eq(int, result_of(&s, "0000:01:00.0")->outcome, OUTCOME_DETACHED));
        scene_done(&s);
}

Test(waves, a_physical_function_stays_when_a_virtual_one_is_late, .timeout = 10) {
        Scene s = { .config = build_config() };

        (void) build_nvme(&s.topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&s.topology, "nvme1", "0000:01:00.1", NULL);
        (void) build_nvme(&s.topology, "nvme2", "0000:02:00.0", NULL);
        build_physfn(&s.topology, "0000:01:00.1", "0000:01:00.0");
        prepare_scene(&s);
        step_of(&s, "0000:01:00.1")->latency_usec = VIRTUAL_NEVER;
        run_scene(&s);
        cr_expect(eq(int, result_of(&s, "0000:01:00.1")->outcome, OUTCOME_LATE));
        cr_expect(eq(uint, step_of(&s, "0000:01:00.0")->n_starts, 0));
        cr_expect(eq(int, result_of(&s, "0000:01:00.0")->outcome, OUTCOME_LEFT));
        cr_expect(eq(str, result_of(&s, "0000:01:00.0")->reason,
                     "a device below it was not detached"));
        cr_expect(eq(int, result_of(&s, "0000:02:00.0")->outcome, OUTCOME_DETACHED));
        scene_done(&s);
}

/* The hook sees this when the unit has detached another function of the same slot. */
Test(waves, a_function_without_a_driver_is_not_waited_for, .timeout = 10) {
        Scene s = { .config = build_config() };

        (void) build_bridge(&s.topology, DEVICE_BRIDGE, "0000:00:01.0", NULL);
        (void) build_nvme(&s.topology, "nvme0", "0000:01:00.0", "0000:00:01.0");
        (void) build_foreign(&s.topology, "0000:01:00.1", "0000:00:01.0", NULL);
        prepare_scene(&s);
        run_scene(&s);
        cr_expect(eq(int, result_of(&s, "0000:01:00.0")->outcome, OUTCOME_DETACHED));
        cr_expect(eq(int, result_of(&s, "0000:00:01.0")->outcome, OUTCOME_DETACHED));
        scene_done(&s);
}

Test(waves, a_late_step_is_abandoned_at_the_deadline_and_delays_only_its_ancestors, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        step_of(&s, B)->latency_usec = VIRTUAL_NEVER;
        run_scene(&s);
        cr_expect(step_of(&s, B)->is_abandoned);
        cr_expect(eq(int, result_of(&s, B)->outcome, OUTCOME_LATE));
        cr_expect(eq(str, result_of(&s, B)->reason, "the stage ran out of time"));
        cr_expect(eq(u64, s.record.ended_usec - s.record.started_usec, 40 * SECOND));
        cr_expect(eq(u64, result_of(&s, A)->ended_usec, 2 * SECOND));
        cr_expect(eq(u64, result_of(&s, C)->ended_usec, 2 * SECOND));
        cr_expect(eq(int, result_of(&s, UPSTREAM)->outcome, OUTCOME_LEFT));
        cr_expect(eq(int, result_of(&s, ROOT_PORT)->outcome, OUTCOME_LEFT));
        scene_done(&s);
}

Test(waves, a_failed_step_keeps_its_parents, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        step_of(&s, C)->outcome = OUTCOME_FAILED;
        run_scene(&s);
        cr_expect(eq(int, result_of(&s, C)->outcome, OUTCOME_FAILED));
        cr_expect(eq(int, result_of(&s, "0000:03:00.1")->outcome, OUTCOME_LEFT));
        cr_expect(eq(int, result_of(&s, "0000:03:00.0")->outcome, OUTCOME_DETACHED));
        cr_expect(eq(int, result_of(&s, UPSTREAM)->outcome, OUTCOME_LEFT));
        scene_done(&s);
}

/* Waiting for a device that is gone must end. */
Test(waves, a_vanished_controller_releases_its_parent, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        step_of(&s, C)->outcome = OUTCOME_VANISHED;
        step_of(&s, C)->is_gone = true;
        run_scene(&s);
        cr_expect(eq(int, result_of(&s, C)->outcome, OUTCOME_VANISHED));
        cr_expect(eq(int, result_of(&s, ROOT_PORT)->outcome, OUTCOME_DETACHED));
        scene_done(&s);
}

/* The IDs of a virtual function read FFFFh by specification. One was called vanished for that, and
 * its physical function was shut down under it. */
Test(waves, a_virtual_function_that_sysfs_still_lists_keeps_its_physical_one, .timeout = 10) {
        Scene s = { .config = build_config() };

        (void) build_nvme(&s.topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&s.topology, "nvme1", "0000:01:00.1", NULL);
        build_physfn(&s.topology, "0000:01:00.1", "0000:01:00.0");
        prepare_scene(&s);
        step_of(&s, "0000:01:00.1")->outcome = OUTCOME_VANISHED;
        run_scene(&s);
        cr_expect(eq(int, result_of(&s, "0000:01:00.0")->outcome, OUTCOME_LEFT));
        cr_expect(eq(uint, step_of(&s, "0000:01:00.0")->n_starts, 0));
        scene_done(&s);
}

Test(waves, sigterm_ends_the_run_and_kills_no_worker, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        s.world.signal_usec = s.world.now + SECOND / 2;
        run_scene(&s);
        cr_expect(eq(u64, s.record.ended_usec - s.record.started_usec, SECOND / 2));
        cr_expect(step_of(&s, A)->is_abandoned);
        cr_expect(eq(str, result_of(&s, A)->reason, "told to stop by a signal"));
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_LATE));
        scene_done(&s);
}

Test(waves, never_runs_more_than_max_parallel, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        s.options.max_parallel = 2;
        run_scene(&s);
        cr_expect(eq(sz, s.world.max_running, 2));
        cr_expect(eq(u64, s.record.ended_usec - s.record.started_usec, 2 * SECOND));
        cr_expect(eq(uint, record_totals(&s.record, &s.topology).count[OUTCOME_DETACHED], 3));
        scene_done(&s);
}

Test(waves, steps_that_max_parallel_kept_waiting_are_left_at_the_deadline, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        s.options.max_parallel = 1;
        s.options.deadline_usec = s.world.now + SECOND / 2;
        run_scene(&s);
        cr_expect(eq(uint, record_totals(&s.record, &s.topology).count[OUTCOME_LATE], 1));
        cr_expect(eq(uint, record_totals(&s.record, &s.topology).count[OUTCOME_LEFT], 2));
        cr_expect(eq(str, result_of(&s, C)->reason, "not started: the stage ran out of time"));
        scene_done(&s);
}

/* If no process can be forked, steps run one after the other; without any they are left. */
Test(waves, tries_again_when_a_worker_can_not_be_forked, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        step_of(&s, B)->start_error = -EAGAIN;
        step_of(&s, B)->start_failures = 1;
        run_scene(&s);
        cr_expect(eq(int, result_of(&s, B)->outcome, OUTCOME_DETACHED));
        cr_expect(eq(uint, step_of(&s, B)->n_starts, 1));
        scene_done(&s);
}

Test(waves, leaves_steps_that_can_never_be_started, .timeout = 10) {
        Scene s = switch_scene();

        prepare_scene(&s);
        for (size_t i = 0; i < s.world.n_steps; i++) {
                s.world.steps[i].start_error = i % 2 ? -ENOMEM : -EPERM;
                s.world.steps[i].start_failures = 1000000;
        }
        run_scene(&s);
        cr_expect(eq(uint, record_totals(&s.record, &s.topology).count[OUTCOME_LEFT], 3));
        cr_expect(eq(int, strncmp(result_of(&s, A)->reason, "could not be started: ", 22), 0));
        cr_expect(eq(u64, s.record.ended_usec, s.record.started_usec));
        scene_done(&s);
}

Test(waves, flushes_a_controller_that_stays_and_keeps_its_reason, .timeout = 10) {
        Scene s = switch_scene();

        build_use(&s.topology, A, USE_ROOT, "/dev/nvme0n1 is mounted on /");
        prepare_scene(&s);
        run_scene(&s);
        cr_expect(eq(uint, step_of(&s, A)->n_starts, 1));
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_LEFT));
        cr_expect(eq(str, result_of(&s, A)->reason, "/dev/nvme0n1 is mounted on /"));
        cr_expect(eq(int, result_of(&s, ROOT_PORT)->outcome, OUTCOME_LEFT));
        cr_expect(eq(int, result_of(&s, UPSTREAM)->outcome, OUTCOME_DETACHED));
        scene_done(&s);
}

Test(waves, does_not_touch_an_excluded_controller, .timeout = 10) {
        char *exclude[] = { "nvme0", NULL };
        Scene s = switch_scene();

        s.config.exclude = exclude;
        prepare_scene(&s);
        run_scene(&s);
        cr_expect(eq(uint, step_of(&s, A)->n_starts, 0));
        cr_expect(eq(str, result_of(&s, A)->reason, "excluded by Exclude=nvme0"));
        scene_done(&s);
}

/* One Flush that hung used to hold each stage until its deadline. */
Test(waves, a_flush_that_hangs_is_given_a_second_after_the_last_handshake, .timeout = 10) {
        Scene s = switch_scene();

        build_use(&s.topology, A, USE_MOUNT, "/dev/nvme0n1 is mounted on /srv");
        prepare_scene(&s);
        step_of(&s, A)->latency_usec = VIRTUAL_NEVER;
        step_of(&s, B)->latency_usec = 3 * SECOND;
        run_scene(&s);
        cr_expect(step_of(&s, A)->is_abandoned);
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_LEFT));
        cr_expect(eq(str, result_of(&s, A)->reason,
                     "/dev/nvme0n1 is mounted on /srv; its Flush did not end in time, ignoring"));
        cr_expect(not(result_of(&s, A)->is_flushed));
        cr_expect(eq(u64, s.record.ended_usec - s.record.started_usec, 4 * SECOND));
        scene_done(&s);
}

/* The physical function starts when its virtual one is down, which restarts the Flush's second. */
Test(waves, a_flush_is_waited_for_while_handshakes_begin, .timeout = 10) {
        Scene s = { .config = build_config() };

        (void) build_nvme(&s.topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&s.topology, "nvme1", "0000:01:00.1", NULL);
        (void) build_nvme(&s.topology, "nvme2", "0000:02:00.0", NULL);
        build_physfn(&s.topology, "0000:01:00.1", "0000:01:00.0");
        build_use(&s.topology, "0000:02:00.0", USE_MOUNT, "mounted");
        prepare_scene(&s);
        step_of(&s, "0000:01:00.0")->latency_usec = 2 * SECOND;
        step_of(&s, "0000:01:00.1")->latency_usec = 2 * SECOND;
        step_of(&s, "0000:02:00.0")->latency_usec = 4500 * USEC_PER_MSEC;
        run_scene(&s);
        cr_expect(eq(str, result_of(&s, "0000:02:00.0")->reason, "mounted"));
        cr_expect(eq(u64, s.record.ended_usec - s.record.started_usec, 4500 * USEC_PER_MSEC));
        scene_done(&s);
}

Test(waves, a_flush_does_not_count_as_a_handshake, .timeout = 10) {
        Scene s = switch_scene();

        build_use(&s.topology, A, USE_MOUNT, "mounted");
        s.config.max_parallel = 1;
        s.options.max_parallel = 1;
        prepare_scene(&s);
        step_of(&s, A)->latency_usec = VIRTUAL_NEVER;
        run_scene(&s);
        cr_expect(eq(int, result_of(&s, B)->outcome, OUTCOME_DETACHED));
        cr_expect(eq(int, result_of(&s, C)->outcome, OUTCOME_DETACHED));
        scene_done(&s);
}

Test(waves, an_empty_plan_ends_at_once, .timeout = 10) {
        Scene s = { .config = build_config() };

        prepare_scene(&s);
        run_scene(&s);
        cr_expect(eq(u64, s.record.ended_usec, s.record.started_usec));
        scene_done(&s);
}

/* A only gets its Flush, in 3.5 s; the others are detached in 3 s. */
Test(waves, reports_progress_once_a_second) {
        Scene scene = switch_scene();

        build_use(&scene.topology, "0000:01:00.0", USE_ROOT, "mounted");
        prepare_scene(&scene);
        step_of(&scene, "0000:01:00.0")->latency_usec = 3500 * USEC_PER_MSEC;
        step_of(&scene, "0000:04:00.0")->latency_usec = 1500 * USEC_PER_MSEC;
        step_of(&scene, "0000:05:00.0")->latency_usec = 2900 * USEC_PER_MSEC;
        scene.options.progress = on_progress;
        run_scene(&scene);
        cr_expect(eq(sz, told.n, 3));
        cr_expect(eq(sz, told.n_done, 2));
        cr_expect(eq(sz, told.n_steps, 3));
        cr_expect(eq(u64, told.elapsed_usec, 3 * SECOND));
        cr_expect(
                eq(u64, scene.record.ended_usec - scene.record.started_usec, 3500 * USEC_PER_MSEC));
        scene_done(&scene);
}

Test(waves, reports_no_progress_in_the_first_second) {
        Scene scene = switch_scene();

        prepare_scene(&scene);
        for (size_t i = 0; i < scene.world.n_steps; i++)
                scene.world.steps[i].latency_usec = SECOND / 2;
        scene.options.progress = on_progress;
        run_scene(&scene);
        cr_expect(eq(sz, told.n, 0));
        scene_done(&scene);
}

/* A progress report does not extend the deadline. */
Test(waves, reports_no_progress_after_the_deadline) {
        Scene scene = switch_scene();

        prepare_scene(&scene);
        for (size_t i = 0; i < scene.world.n_steps; i++)
                scene.world.steps[i].latency_usec = VIRTUAL_NEVER;
        scene.options.deadline_usec = scene.world.now + 2500 * USEC_PER_MSEC;
        scene.options.progress = on_progress;
        run_scene(&scene);
        cr_expect(eq(sz, told.n, 2));
        cr_expect(
                eq(u64, scene.record.ended_usec - scene.record.started_usec, 2500 * USEC_PER_MSEC));
        scene_done(&scene);
}

/* Every controller needs 10 ms from its start until its handshake is under way. */
static void overlap(Scene *scene) {
        prepare_scene(scene);
        scene->options.overlap = true;
        for (size_t i = 0; i < scene->world.n_steps; i++)
                scene->world.steps[i].begin_usec = 10 * USEC_PER_MSEC;
}

static usec_t elapsed(const Scene *scene) {
        return scene->record.ended_usec - scene->record.started_usec;
}

Test(waves, with_overlap_it_ends_when_the_last_handshake_is_under_way, .timeout = 10) {
        Scene s = switch_scene();

        overlap(&s);
        step_of(&s, C)->begin_usec = 40 * USEC_PER_MSEC;
        run_scene(&s);
        cr_expect(eq(u64, elapsed(&s), 40 * USEC_PER_MSEC));
        cr_expect(step_of(&s, B)->is_abandoned);
        cr_expect(eq(int, result_of(&s, B)->outcome, OUTCOME_BEGUN));
        cr_expect(eq(u64, result_of(&s, B)->phase_usec[PHASE_SHUTDOWN], 0));
        cr_expect(eq(str, result_of(&s, B)->reason, ""));
        cr_expect(eq(int, result_of(&s, ROOT_PORT)->outcome, OUTCOME_LEFT));
        cr_expect(eq(uint, record_totals(&s.record, &s.topology).count[OUTCOME_BEGUN], 3));
        cr_expect(eq(u64, record_totals(&s.record, &s.topology).serial_usec, 0));
        scene_done(&s);
}

/* It may still be in its checks, and nothing may happen to a drive without supervision then. */
Test(waves, with_overlap_one_that_has_not_begun_is_waited_for, .timeout = 10) {
        Scene s = switch_scene();

        overlap(&s);
        step_of(&s, C)->begin_usec = 0;
        step_of(&s, C)->latency_usec = 3 * SECOND;
        step_of(&s, C)->outcome = OUTCOME_LEFT;
        step_of(&s, A)->latency_usec = 5 * SECOND;
        run_scene(&s);
        cr_expect(eq(u64, elapsed(&s), 3 * SECOND));
        cr_expect(eq(int, result_of(&s, C)->outcome, OUTCOME_LEFT));
        cr_expect(eq(int, result_of(&s, B)->outcome, OUTCOME_DETACHED));
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_BEGUN));
        scene_done(&s);
}

Test(waves, with_overlap_one_that_has_not_begun_is_late_at_the_deadline, .timeout = 10) {
        Scene s = switch_scene();

        overlap(&s);
        step_of(&s, A)->latency_usec = step_of(&s, C)->latency_usec = VIRTUAL_NEVER;
        step_of(&s, C)->begin_usec = 0;
        run_scene(&s);
        cr_expect(eq(u64, elapsed(&s), 40 * SECOND));
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_BEGUN));
        cr_expect(eq(int, result_of(&s, C)->outcome, OUTCOME_LATE));
        cr_expect(eq(str, result_of(&s, C)->reason, "the stage ran out of time"));
        scene_done(&s);
}

/* Only the end of a virtual function opens the gate of its physical one. */
Test(waves, with_overlap_a_gate_is_waited_for, .timeout = 10) {
        Scene s = { .config = build_config() };

        (void) build_nvme(&s.topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&s.topology, "nvme1", "0000:01:00.1", NULL);
        (void) build_nvme(&s.topology, "nvme2", "0000:02:00.0", NULL);
        build_physfn(&s.topology, "0000:01:00.1", "0000:01:00.0");
        overlap(&s);
        step_of(&s, "0000:02:00.0")->latency_usec = 9 * SECOND;
        run_scene(&s);
        cr_expect(eq(u64, elapsed(&s), SECOND + 10 * USEC_PER_MSEC));
        cr_expect(eq(int, result_of(&s, "0000:01:00.1")->outcome, OUTCOME_DETACHED));
        cr_expect(eq(int, result_of(&s, "0000:01:00.0")->outcome, OUTCOME_BEGUN));
        cr_expect(eq(int, result_of(&s, "0000:02:00.0")->outcome, OUTCOME_BEGUN));
        scene_done(&s);
}

Test(waves, with_overlap_a_gate_that_will_never_open_is_not_waited_for, .timeout = 10) {
        Scene s = { .config = build_config() };

        (void) build_nvme(&s.topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&s.topology, "nvme1", "0000:01:00.1", NULL);
        (void) build_nvme(&s.topology, "nvme2", "0000:02:00.0", NULL);
        build_physfn(&s.topology, "0000:01:00.1", "0000:01:00.0");
        overlap(&s);
        step_of(&s, "0000:02:00.0")->latency_usec = 9 * SECOND;
        step_of(&s, "0000:01:00.1")->outcome = OUTCOME_FAILED;
        run_scene(&s);
        cr_expect(eq(u64, elapsed(&s), SECOND));
        cr_expect(eq(int, result_of(&s, "0000:01:00.0")->outcome, OUTCOME_LEFT));
        cr_expect(eq(int, result_of(&s, "0000:02:00.0")->outcome, OUTCOME_BEGUN));
        scene_done(&s);
}

Test(waves, with_overlap_the_limit_is_kept_and_waited_for, .timeout = 10) {
        Scene s = switch_scene();

        overlap(&s);
        s.options.max_parallel = 2;
        run_scene(&s);
        cr_expect(eq(sz, s.world.max_running, 2));
        cr_expect(eq(u64, elapsed(&s), SECOND + 10 * USEC_PER_MSEC));
        cr_expect(eq(uint, record_totals(&s.record, &s.topology).count[OUTCOME_DETACHED], 2));
        cr_expect(eq(uint, record_totals(&s.record, &s.topology).count[OUTCOME_BEGUN], 1));
        scene_done(&s);
}

Test(waves, with_overlap_turns_are_waited_for, .timeout = 10) {
        Scene s = switch_scene();

        s.config.order = ORDER_SERIAL;
        overlap(&s);
        run_scene(&s);
        cr_expect(eq(sz, s.world.max_running, 1));
        cr_expect(eq(u64, elapsed(&s), 2 * SECOND + 10 * USEC_PER_MSEC));
        scene_done(&s);
}

/* A drive that stays is in use: its data has to be on it. */
Test(waves, with_overlap_a_flush_is_waited_for, .timeout = 10) {
        Scene s = switch_scene();

        build_use(&s.topology, A, USE_MOUNT, "mounted");
        overlap(&s);
        step_of(&s, A)->begin_usec = 0;
        step_of(&s, A)->latency_usec = SECOND / 2;
        run_scene(&s);
        cr_expect(eq(u64, elapsed(&s), SECOND / 2));
        cr_expect(eq(str, result_of(&s, A)->reason, "mounted"));
        cr_expect(eq(int, result_of(&s, B)->outcome, OUTCOME_BEGUN));
        scene_done(&s);
}

Test(waves, with_overlap_a_flush_that_hangs_is_given_a_second, .timeout = 10) {
        Scene s = switch_scene();

        build_use(&s.topology, A, USE_MOUNT, "mounted");
        overlap(&s);
        step_of(&s, A)->begin_usec = 0;
        step_of(&s, A)->latency_usec = VIRTUAL_NEVER;
        step_of(&s, B)->latency_usec = step_of(&s, C)->latency_usec = 9 * SECOND;
        run_scene(&s);
        cr_expect(eq(u64, elapsed(&s), SECOND + 10 * USEC_PER_MSEC));
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_LEFT));
        scene_done(&s);
}

Test(waves, with_overlap_sigterm_ends_the_run, .timeout = 10) {
        Scene s = switch_scene();

        overlap(&s);
        step_of(&s, C)->begin_usec = 40 * USEC_PER_MSEC;
        s.world.signal_usec = s.world.now + 20 * USEC_PER_MSEC;
        run_scene(&s);
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_BEGUN));
        cr_expect(eq(int, result_of(&s, C)->outcome, OUTCOME_LATE));
        scene_done(&s);
}

/* Such a controller must not be logged twice, or as begun for ever. */
Test(waves, one_that_ends_while_it_is_abandoned_has_its_outcome, .timeout = 10) {
        Scene s = switch_scene();

        overlap(&s);
        step_of(&s, B)->abandoned_outcome = OUTCOME_FAILED;
        run_scene(&s);
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_BEGUN));
        cr_expect(eq(int, result_of(&s, B)->outcome, OUTCOME_FAILED));
        scene_done(&s);
}

/* Its worker of an earlier stage is inside the handshake. */
Test(waves, one_that_an_earlier_stage_has_begun_stays_begun, .timeout = 10) {
        Scene s = switch_scene();
        Controller *c = s.topology.devices[index_of(&s, B)].controller;

        free(c->state);
        c->state = strdup("deleting (no IO)");
        prepare_scene(&s);
        run_scene(&s);
        cr_expect(eq(uint, step_of(&s, B)->n_starts, 0));
        cr_expect(eq(int, result_of(&s, B)->outcome, OUTCOME_BEGUN));
        cr_expect(eq(str, result_of(&s, B)->reason,
                     "its shutdown is under way already (state deleting (no IO))"));
        cr_expect(eq(int, result_of(&s, A)->outcome, OUTCOME_DETACHED));
        scene_done(&s);
}

Test(waves, a_final_result_replaces_what_was_said_before) {
        const Step detach = { .action = STEP_DETACH };
        StepResult target = { .n_gates = 2 }, end = { .outcome = OUTCOME_DETACHED };

        step_result_set(&target, OUTCOME_BEGUN, "the kernel's pass waits for its end");
        waves_take_final_result(&detach, &target, &end);
        cr_expect(eq(int, target.outcome, OUTCOME_DETACHED));
        cr_expect(eq(str, target.reason, ""));
        cr_expect(eq(sz, target.n_gates, 2));
}
