/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Worker processes; see ops_kernel.h. */

#include "waves/ops_kernel.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/pidfd.h"
#include "base/poll_until.h"
#include "waves/child_watch.h"
#include "waves/verify.h"
#include "waves/worker.h"

typedef struct Child {
        size_t device;
        StepAction action;
        pid_t pid; /* 0: none, or it has been waited for */
        int fd;    /* its pidfd while it is watched, else -1 */
        siginfo_t status;
        bool has_complained; /* the driver, as far as the kernel log has been read */
        bool is_begin_reported;
} Child;

/* Shared with the workers. */
typedef struct Shared {
        /* Abandoned workers that have not ended, and one more until ops_kernel_leave_orphans(). */
        _Atomic unsigned n_orphans;
        WorkerSlot slots[]; /* one for each device */
} Shared;

struct OpsKernel {
        int root_fd;
        const Topology *topology;
        OpsKernelOptions options;
        ChildWatch watch;
        Shared *shared;
        size_t shared_size;
        WorkerSlot *slots; /* those of shared */
        bool has_orphans;
        size_t device; /* in a worker: its own */
        bool has_settled;
        int hold_fds[2]; /* see WorkerSlot.hold_fd; the first wait closes the writing end */
        Child *children; /* one for each device */
        DriverLog log;   /* from before the first worker starts; read when a worker is lost */
};

static usec_t kernel_now(void *context) {
        return usec_now();
}

/* The exitrd waits for a worker inside a handshake, but not for one that only flushes, and tells
 * them apart by this name (exitrd/dracut). The kernel keeps 15 characters. */
static void set_process_name(const char *controller, StepAction action) {
        char name[16];

        (void) snprintf(name, sizeof(name), "%s%s", action == STEP_LEAVE ? "flush-" : "",
                        controller);
        (void) prctl(PR_SET_NAME, name);
}

/* Runs in the worker when its result is complete, and again when it has cleaned up. */
static void settle_worker(void *context) {
        OpsKernel *ops = context;

        if (ops->has_settled)
                return;
        ops->has_settled = true;
        if (!atomic_exchange(&ops->slots[ops->device].is_settled, true) ||
            !ops->options.orphan_ended)
                return;
        ops->options.orphan_ended(ops->options.userdata, ops, ops->device, false);
        if (atomic_fetch_sub(&ops->shared->n_orphans, 1) == 1)
                ops->options.orphan_ended(ops->options.userdata, ops, ops->device, true);
}

/* Runs in the worker. A fatal signal would end the driver's wait for SHST=10b in the middle of the
 * handshake, so the signals that can be ignored are. _exit() leaves the parent's state alone. */
static void run_child(OpsKernel *ops, size_t device, StepAction action) {
        const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };

        for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
                (void) signal(ignored[i], SIG_IGN);
        /* While this copy is open, no worker sees the end of file. */
        if (ops->hold_fds[1] >= 0)
                (void) close(ops->hold_fds[1]);
        set_process_name(ops->topology->devices[device].controller->name, action);
        if (ops->options.argv0)
                *ops->options.argv0 = '@';
        ops->device = device;
        worker_run(ops->root_fd, ops->topology, device, action, ops->options.is_live,
                   &ops->slots[device]);
        settle_worker(ops);
        _exit(EXIT_SUCCESS);
}

static int kernel_start(void *context, size_t step, StepAction action) {
        OpsKernel *ops = context;
        Child *child = &ops->children[step];
        int reserved;
        pid_t pid;

        /* Reserves a descriptor for the pidfd: without one nothing is started, and the caller can
         * try again. */
        reserved = fcntl(ops->watch.epoll_fd, F_DUPFD_CLOEXEC, 0);
        if (reserved < 0)
                return -errno;
        worker_slot_init(&ops->slots[step]);
        ops->slots[step].tell = settle_worker;
        ops->slots[step].tell_context = ops;
        ops->slots[step].begun_fd = ops->watch.event_fd;
        ops->slots[step].hold_fd = ops->hold_fds[1] >= 0 ? ops->hold_fds[0] : -1;
        pid = fork();
        if (pid < 0) {
                int r = -errno;

                (void) close(reserved);
                return r;
        }
        if (pid == 0)
                run_child(ops, step, action);
        (void) close(reserved);
        *child = (Child){ .device = step, .action = action, .pid = pid };
        child->fd = child_watch_add(&ops->watch, pid, step);
        if (child->fd < 0) {
                /* The worker runs, but we would not see it exit. It is still at its checks and
                 * gives up after them. The errno must not ask for another try, which would make
                 * a second worker. */
                child->fd = -1;
                ops->slots[step].is_abandoned = true;
                return -ECHILD;
        }
        return 0;
}

/* Reads the log once for all controllers. If some of it can't be read, a complaint may be missed,
 * ignoring: a lost worker's controller is never called detached, with or without one. */
static void read_complaints(OpsKernel *ops) {
        char name[DRIVER_LOG_NAME_MAX];

        while (driver_log_next_complaint(&ops->log, name) > 0)
                for (size_t i = 0; i < ops->topology->n_devices; i++) {
                        const Controller *c = ops->topology->devices[i].controller;

                        if (c && c->name && STREQ(c->name, name))
                                ops->children[i].has_complained = true;
                }
}

/* A worker that ended without an outcome was killed or has crashed. Before its write to unbind
 * nothing has happened to the controller. After that the registers would tell, but reading them may
 * be what killed the worker, and a bus error here would end the stage. */
static void judge_lost_worker(OpsKernel *ops, const Child *child, StepResult *result) {
        const Device *d = &ops->topology->devices[child->device];
        const WorkerSlot *slot = &ops->slots[child->device];
        char cause[96], reason[REASON_MAX];

        if (child->status.si_code == CLD_EXITED)
                (void) snprintf(cause, sizeof(cause), "its worker exited with status %d",
                                child->status.si_status);
        else
                (void) snprintf(cause, sizeof(cause), "its worker was killed by signal %d%s",
                                child->status.si_status,
                                slot->phase == PHASE_VERIFY ? " while it read the registers" : "");
        if (child->action != STEP_DETACH || slot->phase < PHASE_SHUTDOWN) {
                step_result_set(result, OUTCOME_LEFT, "%s", cause);
                return;
        }
        if (slot->phase == PHASE_SHUTDOWN)
                result->phase_usec[PHASE_SHUTDOWN] += usec_now() - slot->phase_started_usec;
        read_complaints(ops);
        verify_without_registers(ops->root_fd, d->address, child->has_complained, result);
        memcpy(reason, result->reason, sizeof(reason));
        step_result_set_reason(result, "%s; %.100s", cause, reason);
}

static StepResult result_of_ended_worker(OpsKernel *ops, const Child *child) {
        StepResult result = ops->slots[child->device].result;

        if (result.outcome == OUTCOME_PENDING) {
                judge_lost_worker(ops, child, &result);
                result.ended_usec = usec_now();
        }
        return result;
}

/* Does not block, as the worker has ended. */
static int reap_worker(OpsKernel *ops, size_t device, StepResult *ret_result) {
        Child *child = &ops->children[device];
        int r;

        r = pidfd_wait(child->fd, &child->status, WEXITED);
        if (r < 0)
                return r;
        child->pid = 0;
        child->fd = child_watch_remove(&ops->watch, child->fd);
        *ret_result = result_of_ended_worker(ops, child);
        return OPS_WAIT_DONE;
}

static void release_held_workers(OpsKernel *ops) {
        if (ops->hold_fds[1] < 0)
                return;
        for (size_t i = 0; i < ops->topology->n_devices; i++)
                ops->slots[i].may_go_on = true;
        close_fd(&ops->hold_fds[1]);
        ops->hold_fds[1] = -1;
}

/* Finds a running worker whose begin was not reported yet. */
static bool find_begun(OpsKernel *ops, size_t *ret_step) {
        if (!ops->options.reports_begin)
                return false;
        for (size_t i = 0; i < ops->topology->n_devices; i++) {
                Child *child = &ops->children[i];

                if (child->fd < 0 || child->is_begin_reported || !ops->slots[i].has_begun)
                        continue;
                child->is_begin_reported = true;
                *ret_step = i;
                return true;
        }
        return false;
}

static int kernel_wait(void *context, usec_t deadline, size_t *ret_step, StepResult *ret_result) {
        OpsKernel *ops = context;
        uint64_t device = 0;
        int r;

        release_held_workers(ops);
        do {
                if (find_begun(ops, ret_step))
                        return OPS_WAIT_BEGUN;
                r = child_watch_wait(&ops->watch, deadline, &device);
        } while (r == CHILD_WATCH_EVENT);
        switch (r) {
        case CHILD_WATCH_ENDED:
                *ret_step = device;
                return reap_worker(ops, device, ret_result);
        case CHILD_WATCH_TIMEOUT:
                return OPS_WAIT_TIMEOUT;
        case CHILD_WATCH_SIGNAL:
                return OPS_WAIT_SIGNAL;
        default:
                return r;
        }
}

/* The kernel's pass waits for the worker's device lock. It goes on when the unbind returns, and ends
 * the machine in less than a millisecond if no other device is left: by then the worker must have told
 * how it ended. If this fails, its line may be lost, ignoring. */
static void hurry_orphan(const OpsKernel *ops, const Child *child) {
        const struct sched_param param = { .sched_priority = 1 };

        if (ops->options.orphan_ended && child->pid > 0)
                (void) sched_setscheduler(child->pid, SCHED_FIFO, &param);
}

static void kernel_abandon(void *context, size_t step, StepResult *ret_result) {
        static const char *const doing[_PHASE_MAX] = {
                [PHASE_FORK] = "before its worker ran",
                [PHASE_CHECK] = "while it was being checked",
                [PHASE_FSYNC] = "while its data was being written back",
                [PHASE_SHUTDOWN] = "during the shutdown handshake, the kernel's pass waits for it",
                [PHASE_VERIFY] = "while its registers were being read",
        };
        OpsKernel *ops = context;
        WorkerSlot *shared = &ops->slots[step], slot;

        shared->is_abandoned = true;
        ops->children[step].fd = child_watch_remove(&ops->watch, ops->children[step].fd);
        shared->is_orphan = true;
        atomic_fetch_add(&ops->shared->n_orphans, 1);
        if (atomic_exchange(&shared->is_settled, true)) {
                shared->is_orphan = false;
                atomic_fetch_sub(&ops->shared->n_orphans, 1);
                *ret_result = shared->result;
                return;
        }
        ops->has_orphans = true;
        hurry_orphan(ops, &ops->children[step]);
        slot = *shared;
        step_result_set_reason(&slot.result, "time ran out %s",
                               doing[slot.phase < _PHASE_MAX ? slot.phase : PHASE_VERIFY]);
        worker_enter_phase(&slot, _PHASE_MAX);
        *ret_result = slot.result;
        /* It may be about to set this itself. */
        ret_result->outcome = OUTCOME_PENDING;
}

bool ops_kernel_leave_orphans(OpsKernel *ops) {
        return atomic_fetch_sub(&ops->shared->n_orphans, 1) == 1 && ops->has_orphans;
}

const StepResult *ops_kernel_orphan_result(const OpsKernel *ops, size_t device) {
        const WorkerSlot *slot = &ops->slots[device];

        return slot->is_orphan ? &slot->result : NULL;
}

bool ops_kernel_is_told_to_stop(const OpsKernel *ops) {
        return ops->watch.is_told_to_stop;
}

int ops_kernel_join(OpsKernel *ops, size_t device, usec_t deadline, StepResult *ret_result) {
        Child *child = &ops->children[device];
        _cleanup_close_ int fd = -1;
        int r;

        /* The kernel does not reuse the process ID of a child that has not been waited for. */
        fd = child->pid > 0 ? pidfd_of(child->pid) : -ESRCH;
        if (fd < 0)
                return fd;
        r = poll_until(fd, deadline);
        if (r <= 0)
                return r;
        r = pidfd_wait(fd, &child->status, WEXITED);
        if (r < 0)
                return r;
        child->pid = 0;
        *ret_result = result_of_ended_worker(ops, child);
        return 1;
}

const ShutdownOps ops_kernel = {
        .now = kernel_now,
        .start = kernel_start,
        .wait = kernel_wait,
        .abandon = kernel_abandon,
};

static int allocate_children(OpsKernel *ops, size_t n) {
        void *shared;

        ops->children = calloc(n + 1, sizeof(Child));
        if (!ops->children)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                ops->children[i].fd = -1;
        ops->shared_size = sizeof(Shared) + (n + 1) * sizeof(WorkerSlot);
        shared = mmap(NULL, ops->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                      -1, 0);
        if (shared == MAP_FAILED)
                return -ENOMEM;
        ops->shared = shared;
        ops->shared->n_orphans = 1;
        ops->slots = ops->shared->slots;
        return 0;
}

/* Each running worker takes a descriptor, and systemd's soft limit is 1024, for the sake of
 * programs that use select(2), which this one does not. If the limit can't be raised, ignoring:
 * some workers wait for others then. */
static void raise_descriptor_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

int ops_kernel_new(int root_fd, const Topology *topology, const OpsKernelOptions *options,
                   OpsKernel **ret) {
        _cleanup_ops_kernel_ OpsKernel *ops = malloc(sizeof(OpsKernel));
        int r;

        if (!ops)
                return -ENOMEM;
        *ops = (OpsKernel){
                .root_fd = root_fd,
                .topology = topology,
                .options = *options,
                .watch = CHILD_WATCH_INIT,
                .hold_fds = { -1, -1 },
                .log = DRIVER_LOG_INIT,
        };
        raise_descriptor_limit();
        /* Without the pipe no worker is held, ignoring: it only costs time. */
        if (pipe2(ops->hold_fds, O_CLOEXEC) < 0)
                ops->hold_fds[0] = ops->hold_fds[1] = -1;
        driver_log_open(root_fd, &ops->log);
        r = allocate_children(ops, topology->n_devices);
        if (r < 0)
                return r;
        r = child_watch_init(&ops->watch);
        if (r < 0)
                return r;
        r = options->reports_begin ? child_watch_add_event(&ops->watch) : 0;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ops);
        return 0;
}

OpsKernel *ops_kernel_free(OpsKernel *ops) {
        if (!ops)
                return NULL;
        for (size_t i = 0; ops->children && i < ops->topology->n_devices; i++)
                (void) child_watch_remove(&ops->watch, ops->children[i].fd);
        child_watch_done(&ops->watch);
        if (ops->shared)
                (void) munmap(ops->shared, ops->shared_size);
        close_fd(&ops->hold_fds[0]);
        close_fd(&ops->hold_fds[1]);
        driver_log_close(&ops->log);
        free(ops->children);
        free(ops);
        return NULL;
}
