/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker processes are real, but this test's worker_run() decides what they do. Nothing asserts
 * in a worker: Criterion would wait for it forever. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libnvme.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "fake_root.h"
#include "topology_builder.h"
#include "waves/ops_kernel.h"
#include "waves/worker.h"

/* What the kernel shows of the register file. */
#define REGISTERS_SIZE 4096
#define N 3
#define PCI "sys/bus/pci/devices/0000:02:00.0"

typedef enum Behaviour {
        ENDS_WELL,
        IS_KILLED_EARLY,
        IS_KILLED_INSIDE,
        HAS_BUS_ERROR,
        EXITS_EARLY,
        NEVER_ENDS,
        IGNORES_SIGNALS,
        TELLS_ARGV0,
        WAITS_FOR_ABANDON,
        TELLS_RELEASE,
        STOPS_UNLESS_LET_GO,
        BEGINS_AND_ENDS_WHEN_LET_GO,
} Behaviour;

static Behaviour behaviours[N];
static _Atomic bool *go_on; /* shared with the workers, one for each device */
static Topology topology;
static OpsKernel *ops;
static char argv0[] = "test";
static OpsKernelOptions ops_options = { .argv0 = argv0 };
static bool fork_fails;
static bool registers_abort;
static pid_t last_pid;

pid_t fork(void) {
        if (fork_fails) {
                errno = EAGAIN;
                return -1;
        }
        last_pid = (pid_t) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        return last_pid;
}

/* With registers_abort, mapping a file raises the bus error that loading from it would. */
void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
        if (registers_abort && fd >= 0)
                (void) raise(SIGBUS);
        return (void *) syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

static void end_well(WorkerSlot *slot) {
        slot->result.outcome = OUTCOME_DETACHED;
        worker_enter_phase(slot, _PHASE_MAX);
}

void worker_run(int fd, const Topology *t, size_t device, StepAction action, bool is_live,
                WorkerSlot *slot) {
        char byte;

        /* The worker must not outlive a test that failed. */
        (void) alarm(20);
        worker_enter_phase(slot, PHASE_CHECK);
        switch (behaviours[device]) {
        case ENDS_WELL:
                end_well(slot);
                break;
        case IS_KILLED_EARLY:
                (void) raise(SIGKILL);
                break;
        case IS_KILLED_INSIDE:
                worker_enter_phase(slot, PHASE_SHUTDOWN);
                (void) raise(SIGKILL);
                break;
        case HAS_BUS_ERROR:
                worker_enter_phase(slot, PHASE_VERIFY);
                (void) signal(SIGBUS, SIG_DFL);
                (void) raise(SIGBUS);
                break;
        case EXITS_EARLY:
                _exit(3);
        case NEVER_ENDS:
                worker_enter_phase(slot, PHASE_SHUTDOWN);
                for (;;)
                        (void) pause();
        case IGNORES_SIGNALS:
                (void) kill((pid_t) syscall(SYS_getpid), SIGTERM);
                (void) kill((pid_t) syscall(SYS_getpid), SIGINT);
                (void) kill((pid_t) syscall(SYS_getpid), SIGHUP);
                end_well(slot);
                break;
        case TELLS_ARGV0:
                (void) snprintf(slot->result.reason, sizeof(slot->result.reason), "%s", argv0);
                end_well(slot);
                break;
        case TELLS_RELEASE:
                slot->result.is_flushed = slot->hold_fd >= 0;
                if (slot->hold_fd >= 0 && read(slot->hold_fd, &byte, 1) == 0 && slot->may_go_on)
                        slot->result.phase_usec[PHASE_VERIFY] = usec_now();
                end_well(slot);
                break;
        case STOPS_UNLESS_LET_GO:
                if (slot->hold_fd < 0 || read(slot->hold_fd, &byte, 1) != 0)
                        _exit(5);
                _exit(slot->may_go_on ? 6 : 4);
        case BEGINS_AND_ENDS_WHEN_LET_GO:
                worker_enter_phase(slot, PHASE_SHUTDOWN);
                while (!go_on[device])
                        (void) usleep(1000);
                end_well(slot);
                break;
        case WAITS_FOR_ABANDON:
                worker_enter_phase(slot, PHASE_FSYNC);
                while (!slot->is_abandoned)
                        (void) usleep(1000);
                slot->result.phase_usec[PHASE_VERIFY] = 4711;
                break;
        }
}

static void setup(void) {
        fake_root_start();
        (void) build_nvme(&topology, "nvme0", "0000:01:00.0", NULL);
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        (void) build_nvme(&topology, "nvme2", "0000:03:00.0", NULL);
        cr_assert(eq(int, ops_kernel_new(root_fd, &topology, &ops_options, &ops), 0));
}

/* What a worker says that was abandoned. */
typedef struct Said {
        size_t device;
        Outcome outcome;
        bool is_last;
        unsigned n_known; /* ends that are known then */
} Said;

static int said_fds[2] = { -1, -1 };

static void on_orphan_ended(void *userdata, OpsKernel *of, size_t device, bool is_last) {
        Said said = { .device = device, .is_last = is_last };

        said.outcome = ops_kernel_orphan_result(of, device)->outcome;
        for (size_t i = 0; i < N; i++)
                said.n_known += ops_kernel_orphan_result(of, i) &&
                                ops_kernel_orphan_result(of, i)->outcome != OUTCOME_PENDING;
        if (write(said_fds[1], &said, sizeof(said)) < 0)
                return;
}

static Said read_said(void) {
        Said said = {};

        cr_assert(eq(sz, (size_t) read(said_fds[0], &said, sizeof(said)), sizeof(said)));
        return said;
}

static void overlap(void) {
        ops = ops_kernel_free(ops);
        ops_options.reports_begin = true;
        ops_options.orphan_ended = on_orphan_ended;
        cr_assert(eq(int, ops_kernel_new(root_fd, &topology, &ops_options, &ops), 0));
        cr_assert(eq(int, pipe(said_fds), 0));
        go_on = (_Atomic bool *) syscall(SYS_mmap, NULL, N, PROT_READ | PROT_WRITE,
                                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void wait_for_begins(size_t n) {
        bool has_begun[N] = {};

        for (size_t i = 0; i < n; i++) {
                StepResult result;
                size_t step = N;

                cr_assert(eq(int,
                             ops_kernel.wait(ops, usec_now() + 10 * USEC_PER_SEC, &step, &result),
                             OPS_WAIT_BEGUN));
                cr_assert(not(has_begun[step]));
                has_begun[step] = true;
        }
}

static void teardown(void) {
        ops = ops_kernel_free(ops);
        topology_done(&topology);
        fake_root_done();
}

TestSuite(ops_kernel, .init = setup, .fini = teardown, .timeout = 20);

static void start_worker(size_t device, Behaviour behaviour) {
        behaviours[device] = behaviour;
        cr_assert(eq(int, ops_kernel.start(ops, device, STEP_DETACH), 0));
}

static StepResult wait_for(size_t device) {
        StepResult result = {};
        size_t step = SIZE_MAX;
        int r = ops_kernel.wait(ops, usec_now() + 10 * USEC_PER_SEC, &step, &result);

        cr_assert(eq(int, r, OPS_WAIT_DONE));
        cr_assert(eq(sz, step, device));
        return result;
}

static void write_csts(uint32_t csts) {
        uint32_t registers[REGISTERS_SIZE / sizeof(uint32_t)] = {};

        registers[NVME_REG_CSTS / sizeof(uint32_t)] = csts;
        fake_root_write_binary(PCI "/resource0", registers, sizeof(registers));
}

/* By then the parent has started all it can; later workers have no others to wait for. */
Test(ops_kernel, workers_are_held_until_the_first_wait) {
        StepResult results[2], later;
        usec_t waited;

        start_worker(0, TELLS_RELEASE);
        start_worker(1, TELLS_RELEASE);
        waited = usec_now();
        for (size_t i = 0; i < 2; i++) {
                size_t step;
                int r = ops_kernel.wait(ops, usec_now() + 10 * USEC_PER_SEC, &step, &results[i]);

                cr_assert(eq(int, r, OPS_WAIT_DONE));
                cr_expect(results[i].is_flushed, "worker %zu was not held", step);
                cr_expect(results[i].phase_usec[PHASE_VERIFY] >= waited);
        }
        start_worker(2, TELLS_RELEASE);
        later = wait_for(2);
        cr_expect(not(later.is_flushed));
}

/* As if the parent had died between two forks. */
Test(ops_kernel, workers_notice_that_the_parent_died) {
        int status = 0;

        start_worker(0, STOPS_UNLESS_LET_GO);
        ops = ops_kernel_free(ops);
        cr_assert(eq(int, waitpid(last_pid, &status, 0), last_pid));
        cr_expect(eq(int, status, 4 << 8)); /* exited with 4 */
        cr_assert(eq(int, ops_kernel_new(root_fd, &topology, &ops_options, &ops), 0));
}

Test(ops_kernel, reports_each_worker_once) {
        bool has_ended[N] = {};

        for (size_t i = 0; i < N; i++)
                start_worker(i, ENDS_WELL);
        for (size_t i = 0; i < N; i++) {
                StepResult result = {};
                size_t step = 0;

                cr_assert(eq(int,
                             ops_kernel.wait(ops, usec_now() + 10 * USEC_PER_SEC, &step, &result),
                             OPS_WAIT_DONE));
                cr_expect(eq(int, result.outcome, OUTCOME_DETACHED));
                cr_expect(not(has_ended[step]));
                has_ended[step] = true;
        }
}

Test(ops_kernel, a_worker_killed_before_the_unbind_has_touched_nothing) {
        StepResult killed;

        start_worker(1, IS_KILLED_EARLY);
        killed = wait_for(1);
        cr_expect(eq(str, killed.reason, "its worker was killed by signal 9"));
        start_worker(2, EXITS_EARLY);
        cr_expect(eq(int, wait_for(2).outcome, OUTCOME_LEFT));
}

static void add_unbound(const char *kmsg) {
        fake_root_write_binary(PCI "/config", (const uint8_t[64]){ 0x36, 0x1b }, 64);
        fake_root_write("dev/kmsg", kmsg);
}

/* A fatal signal ends the driver's wait without a message. */
Test(ops_kernel, a_worker_killed_in_the_unbind_leaves_the_outcome_unverified) {
        StepResult result;

        add_unbound("");
        write_csts(0x9);
        start_worker(1, IS_KILLED_INSIDE);
        result = wait_for(1);
        cr_expect(eq(int, result.outcome, OUTCOME_UNVERIFIED));
        cr_expect(not(result.is_verified));
        cr_expect(eq(str, result.reason,
                     "its worker was killed by signal 9; the end of its shutdown was not seen"));
}

/* This happens on s390x, and when a drive is pulled at that moment below a root complex that
 * aborts. */
Test(ops_kernel, a_workers_bus_error_does_not_reach_the_parent) {
        StepResult result;

        add_unbound("");
        fake_root_write(PCI "/resource", "0xfe000000 0xfe003fff 0x140204\n");
        write_csts(0x9);
        registers_abort = true;
        start_worker(1, HAS_BUS_ERROR);
        result = wait_for(1);
        cr_expect(eq(int, result.outcome, OUTCOME_UNVERIFIED));
        cr_expect(eq(str, result.reason,
                     "its worker was killed by signal 7 while it read the registers; the end of "
                     "its shutdown was not seen"));
        start_worker(2, ENDS_WELL);
        cr_expect(eq(int, wait_for(2).outcome, OUTCOME_DETACHED));
}

/* The log is read when the first of two lost workers is reaped, and has complaints about both. */
Test(ops_kernel, the_drivers_complaints_about_lost_workers_are_found) {
        static const char old[] = "4,1,1,-;nvme nvme1: Device not ready; aborting shutdown\n";
        char kmsg[256];

        fake_root_write("dev/kmsg", old);
        ops = ops_kernel_free(ops);
        cr_assert(eq(int, ops_kernel_new(root_fd, &topology, &ops_options, &ops), 0));
        start_worker(1, IS_KILLED_INSIDE);
        start_worker(2, IS_KILLED_INSIDE);
        (void) snprintf(kmsg, sizeof(kmsg), "%s%s", old,
                        "4,2,2,-;nvme nvme2: Device not ready; aborting shutdown\n");
        add_unbound(kmsg);
        fake_root_write("sys/bus/pci/devices/0000:03:00.0/enable", "0");
        for (size_t i = 0; i < 2; i++) {
                StepResult result = {};
                size_t step = 0;

                cr_assert(eq(int,
                             ops_kernel.wait(ops, usec_now() + 10 * USEC_PER_SEC, &step, &result),
                             OPS_WAIT_DONE));
                cr_expect(eq(int, result.outcome, step == 2 ? OUTCOME_FAILED : OUTCOME_UNVERIFIED));
                if (step == 2)
                        cr_expect(eq(str, result.reason,
                                     "its worker was killed by signal 9; the driver reports an "
                                     "incomplete shutdown"));
        }
}

Test(ops_kernel, wait_ends_at_its_deadline) {
        usec_t deadline = usec_now() + 200 * USEC_PER_MSEC;
        StepResult result;
        size_t step;

        start_worker(0, NEVER_ENDS);
        cr_expect(eq(int, ops_kernel.wait(ops, deadline, &step, &result), OPS_WAIT_TIMEOUT));
        cr_expect(ge(u64, usec_now(), deadline));
        (void) kill(last_pid, SIGKILL);
}

/* If it were killed, the kernel's pass would not wait for the handshake. */
Test(ops_kernel, an_abandoned_worker_lives_on) {
        StepResult result = {};
        size_t step;

        start_worker(0, NEVER_ENDS);
        (void) ops_kernel.wait(ops, usec_now() + 300 * USEC_PER_MSEC, &step, &result);
        ops_kernel.abandon(ops, 0, &result);
        cr_expect(eq(str, result.reason,
                     "time ran out during the shutdown handshake, the kernel's pass waits for it"));
        cr_expect(gt(u64, result.phase_usec[PHASE_SHUTDOWN], 0));
        ops = ops_kernel_free(ops);
        cr_expect(eq(int, kill(last_pid, 0), 0));
        (void) kill(last_pid, SIGKILL);
}

Test(ops_kernel, an_abandoned_worker_is_told) {
        StepResult result = {};
        size_t step;

        start_worker(0, WAITS_FOR_ABANDON);
        (void) ops_kernel.wait(ops, usec_now() + 300 * USEC_PER_MSEC, &step, &result);
        ops_kernel.abandon(ops, 0, &result);
        cr_expect(eq(str, result.reason, "time ran out while its data was being written back"));
        cr_expect(eq(int, kill(last_pid, 0), 0));
        /* It exits by itself, long before its alarm. */
        cr_expect(eq(int, (int) waitpid(last_pid, NULL, 0), (int) last_pid));
}

Test(ops_kernel, sigterm_ends_the_wait) {
        StepResult result;
        size_t step;

        start_worker(0, NEVER_ENDS);
        (void) kill(getpid(), SIGTERM);
        cr_expect(eq(int, ops_kernel.wait(ops, usec_now() + 10 * USEC_PER_SEC, &step, &result),
                     OPS_WAIT_SIGNAL));
        cr_expect(eq(int, kill(last_pid, 0), 0));
        (void) kill(last_pid, SIGKILL);
}

Test(ops_kernel, workers_ignore_signals_that_can_be_ignored) {
        start_worker(0, IGNORES_SIGNALS);
        cr_expect(eq(int, wait_for(0).outcome, OUTCOME_DETACHED));
}

/* '@' makes systemd-shutdown spare the worker; the parent's command line is unchanged. */
Test(ops_kernel, workers_are_marked_for_systemd_to_spare) {
        StepResult result;

        start_worker(0, TELLS_ARGV0);
        result = wait_for(0);
        cr_expect(eq(str, result.reason, "@est"));
        cr_expect(eq(str, argv0, "test"));
}

Test(ops_kernel, a_fork_that_fails_is_reported) {
        fork_fails = true;
        cr_expect(eq(int, ops_kernel.start(ops, 0, STEP_DETACH), -EAGAIN));
        fork_fails = false;
        start_worker(0, ENDS_WELL);
        cr_expect(eq(int, wait_for(0).outcome, OUTCOME_DETACHED));
}

/* Without a pidfd the parent would not see the worker exit, so none may be started. The errno asks
 * for another try when some other worker has ended. */
Test(ops_kernel, out_of_descriptors_no_worker_is_started) {
        int r, free_fd = dup(STDIN_FILENO);
        struct rlimit limit, none;

        (void) close(free_fd);
        cr_assert(eq(int, getrlimit(RLIMIT_NOFILE, &limit), 0));
        none = (struct rlimit){ .rlim_cur = (rlim_t) free_fd, .rlim_max = limit.rlim_max };
        cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &none), 0));
        last_pid = 0;
        r = ops_kernel.start(ops, 0, STEP_DETACH);
        cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &limit), 0));
        cr_expect(eq(int, r, -EMFILE));
        cr_expect(eq(int, (int) last_pid, 0), "a worker was forked");
        start_worker(0, ENDS_WELL);
        cr_expect(eq(int, wait_for(0).outcome, OUTCOME_DETACHED));
}

/* At the soft limit of 1024, 84 of 1,100 controllers were left. */
Test(ops_kernel, the_soft_limit_of_descriptors_is_raised) {
        struct rlimit limit, low;

        ops = ops_kernel_free(ops);
        cr_assert(eq(int, getrlimit(RLIMIT_NOFILE, &limit), 0));
        low = (struct rlimit){ .rlim_cur = 0, .rlim_max = 512 };
        cr_assert(eq(int, setrlimit(RLIMIT_NOFILE, &low), 0));
        cr_assert(eq(int, ops_kernel_new(root_fd, &topology, &ops_options, &ops), 0));
        cr_assert(eq(int, getrlimit(RLIMIT_NOFILE, &limit), 0));
        cr_expect(eq(long, (long) limit.rlim_cur, 512));
        start_worker(0, ENDS_WELL);
        cr_expect(eq(int, wait_for(0).outcome, OUTCOME_DETACHED));
}

/* Later workers would lack a descriptor that is left open. */
Test(ops_kernel, no_worker_leaves_a_descriptor_open) {
        int before = dup(STDIN_FILENO), after;

        (void) close(before);
        for (int i = 0; i < 3; i++) {
                start_worker(0, ENDS_WELL);
                (void) wait_for(0);
                fork_fails = true;
                (void) ops_kernel.start(ops, 0, STEP_DETACH);
                fork_fails = false;
        }
        after = dup(STDIN_FILENO);
        (void) close(after);
        /* The first wait has closed the writing end of the pipe, which frees a descriptor. */
        cr_expect(le(int, after, before));
}

Test(ops_kernel, an_abandoned_worker_can_be_waited_for) {
        StepResult result = {};
        size_t step;

        start_worker(0, WAITS_FOR_ABANDON);
        (void) ops_kernel.wait(ops, usec_now() + 300 * USEC_PER_MSEC, &step, &result);
        ops_kernel.abandon(ops, 0, &result);
        cr_assert(eq(int, ops_kernel_join(ops, 0, usec_now() + 10 * USEC_PER_SEC, &result), 1));
        cr_expect(eq(u64, result.phase_usec[PHASE_VERIFY], 4711));
        cr_expect(eq(int, result.outcome, OUTCOME_LEFT));
        cr_expect(eq(int, kill(last_pid, 0), -1));
}

Test(ops_kernel, a_worker_that_does_not_end_is_waited_for_until_the_deadline) {
        usec_t deadline;
        StepResult result = {};
        size_t step;

        start_worker(0, NEVER_ENDS);
        (void) ops_kernel.wait(ops, usec_now() + 300 * USEC_PER_MSEC, &step, &result);
        ops_kernel.abandon(ops, 0, &result);
        deadline = usec_now() + 200 * USEC_PER_MSEC;
        cr_expect(eq(int, ops_kernel_join(ops, 0, deadline, &result), 0));
        cr_expect(ge(u64, usec_now(), deadline));
        cr_expect(eq(int, kill(last_pid, 0), 0));
        (void) kill(last_pid, SIGKILL);
        write_csts(0x5);
        cr_expect(eq(int, ops_kernel_join(ops, 0, usec_now() + 10 * USEC_PER_SEC, &result), 1));
}

Test(ops_kernel, only_a_worker_that_was_started_can_be_waited_for) {
        StepResult result;

        cr_expect(eq(int, ops_kernel_join(ops, 2, usec_now(), &result), -ESRCH));
}

Test(ops_kernel, remembers_that_it_was_told_to_stop) {
        StepResult result;
        size_t step;

        cr_expect(not(ops_kernel_is_told_to_stop(ops)));
        (void) kill(getpid(), SIGINT);
        (void) ops_kernel.wait(ops, usec_now() + 10 * USEC_PER_SEC, &step, &result);
        cr_expect(ops_kernel_is_told_to_stop(ops));
}

Test(ops_kernel, a_handshake_that_begins_ends_the_wait_once) {
        StepResult result;
        size_t step = N;

        overlap();
        for (size_t i = 0; i < N; i++)
                start_worker(i, BEGINS_AND_ENDS_WHEN_LET_GO);
        wait_for_begins(N);
        cr_expect(eq(int, ops_kernel.wait(ops, usec_now() + 50 * USEC_PER_MSEC, &step, &result),
                     OPS_WAIT_TIMEOUT));
        go_on[1] = true;
        cr_expect(eq(int, wait_for(1).outcome, OUTCOME_DETACHED));
        go_on[0] = go_on[2] = true;
}

Test(ops_kernel, a_handshake_that_begins_is_not_reported_unless_asked_for) {
        StepResult result;
        size_t step;

        start_worker(0, NEVER_ENDS);
        cr_expect(eq(int, ops_kernel.wait(ops, usec_now() + 300 * USEC_PER_MSEC, &step, &result),
                     OPS_WAIT_TIMEOUT));
        (void) kill(last_pid, SIGKILL);
}

/* The first one ends before the parent has left: it must not be taken for the last one. */
Test(ops_kernel, each_abandoned_worker_tells_how_it_ended_and_the_last_one_that_all_have) {
        StepResult result;
        Said said;

        overlap();
        start_worker(0, BEGINS_AND_ENDS_WHEN_LET_GO);
        start_worker(1, BEGINS_AND_ENDS_WHEN_LET_GO);
        wait_for_begins(2);
        ops_kernel.abandon(ops, 0, &result);
        cr_expect(eq(int, result.outcome, OUTCOME_PENDING));
        go_on[0] = true;
        said = read_said();
        cr_expect(eq(sz, said.device, 0));
        cr_expect(eq(int, said.outcome, OUTCOME_DETACHED));
        cr_expect(not(said.is_last));
        ops_kernel.abandon(ops, 1, &result);
        cr_expect(not(ops_kernel_leave_orphans(ops)));
        ops = ops_kernel_free(ops); /* as the parent does when it ends */
        go_on[1] = true;
        said = read_said();
        cr_expect(eq(sz, said.device, 1));
        cr_expect(not(said.is_last));
        said = read_said();
        cr_expect(said.is_last);
        cr_expect(eq(uint, said.n_known, 2));
}

Test(ops_kernel, the_parent_is_told_if_all_have_ended_before_it_leaves) {
        StepResult result;

        overlap();
        start_worker(0, BEGINS_AND_ENDS_WHEN_LET_GO);
        wait_for_begins(1);
        ops_kernel.abandon(ops, 0, &result);
        go_on[0] = true;
        (void) read_said();
        /* It has told, and counts itself out next. */
        cr_assert(eq(int, (int) waitpid(last_pid, NULL, 0), (int) last_pid));
        cr_expect(ops_kernel_leave_orphans(ops));
        cr_expect(eq(int, ops_kernel_orphan_result(ops, 0)->outcome, OUTCOME_DETACHED));
}

Test(ops_kernel, without_abandoned_workers_there_is_nothing_to_tell) {
        overlap();
        start_worker(0, ENDS_WELL);
        (void) wait_for(0);
        cr_expect(not(ops_kernel_leave_orphans(ops)));
        cr_expect(eq(ptr, (void *) ops_kernel_orphan_result(ops, 0), NULL));
}

/* Either the parent logs its end, or the worker itself: never both. */
Test(ops_kernel, a_worker_that_ended_before_it_was_abandoned_tells_nothing) {
        StepResult result;
        siginfo_t info;

        overlap();
        start_worker(0, BEGINS_AND_ENDS_WHEN_LET_GO);
        wait_for_begins(1);
        go_on[0] = true;
        cr_assert(eq(int, waitid(P_PID, (id_t) last_pid, &info, WEXITED | WNOWAIT), 0));
        ops_kernel.abandon(ops, 0, &result);
        cr_expect(eq(int, result.outcome, OUTCOME_DETACHED));
        cr_expect(eq(ptr, (void *) ops_kernel_orphan_result(ops, 0), NULL));
        cr_expect(not(ops_kernel_leave_orphans(ops)));
        (void) close(said_fds[1]);
        cr_expect(eq(sz, (size_t) read(said_fds[0], &result, 1), 0));
}
