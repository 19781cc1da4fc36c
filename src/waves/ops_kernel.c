/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Worker processes; see ops_kernel.h. */

#include "waves/ops_kernel.h"

#include <fcntl.h>
#include <signal.h>
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
        bool has_complained; /* its driver, as far as the kernel log has been read */
} Child;

struct OpsKernel {
        int root_fd;
        const Topology *topology;
        char *argv0;
        bool is_live;
        ChildWatch watch;
        WorkerSlot *slots; /* shared with the workers, one for each device */
        size_t slots_size;
        int hold_fds[2]; /* see WorkerSlot.hold_fd; the writing end is closed by the first wait */
        Child *children; /* one for each device */
        DriverLog log;   /* of lost workers' controllers; from before the first of them began */
};

static usec_t kernel_now(void *context) {
        return usec_now();
}

/* By its name the exitrd tells a worker that has to be waited for, one inside a handshake, from one
 * that only flushes (exitrd/dracut). The kernel keeps 15 characters. */
static void set_name(const char *controller, StepAction action) {
        char name[16];

        (void) snprintf(name, sizeof(name), "%s%s", action == STEP_LEAVE ? "flush-" : "",
                        controller);
        (void) prctl(PR_SET_NAME, name);
}

/* Runs in the worker. A fatal signal would end the driver's wait for SHST=10b with the handshake
 * under way, so the polite ones are ignored; nothing of the parent's is cleaned up on the way out.
 */
static void run_child(const OpsKernel *ops, size_t device, StepAction action) {
        const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };

        for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
                (void) signal(ignored[i], SIG_IGN);
        /* this copy would keep the end of file from coming */
        if (ops->hold_fds[1] >= 0)
                (void) close(ops->hold_fds[1]);
        set_name(ops->topology->devices[device].controller->name, action);
        if (ops->argv0)
                *ops->argv0 = '@';
        worker_run(ops->root_fd, ops->topology, device, action, ops->is_live, &ops->slots[device]);
        _exit(EXIT_SUCCESS);
}

static int kernel_start(void *context, size_t step, StepAction action) {
        OpsKernel *ops = context;
        Child *child = &ops->children[step];
        int reserved;
        pid_t pid;

        /* Becomes the pidfd's place: without one nothing is begun, and it can be tried again. */
        reserved = fcntl(ops->watch.epoll_fd, F_DUPFD_CLOEXEC, 0);
        if (reserved < 0)
                return -errno;
        worker_slot_init(&ops->slots[step]);
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
                /* It runs, but we would not see its end. It has all its checks before it, and stops
                 * there; no errno that asks for another try, or there would be two workers. */
                child->fd = -1;
                ops->slots[step].is_abandoned = true;
                return -ECHILD;
        }
        return 0;
}

/* The log is read once, for all controllers. Where not all of it can be read a complaint may be
 * missed, ignoring: without one nothing is called detached here. */
static void read_complaints(OpsKernel *ops) {
        char name[DRIVER_LOG_NAME_MAX];

        while (driver_log_next_complaint(&ops->log, name) > 0)
                for (size_t i = 0; i < ops->topology->n_devices; i++) {
                        const Controller *c = ops->topology->devices[i].controller;

                        if (c && c->name && STREQ(c->name, name))
                                ops->children[i].has_complained = true;
                }
}

/* A worker that ended without an outcome was killed or crashed. Before the write nothing has
 * happened to the controller. From then on its registers know, but to read them is what may have
 * killed the worker: a bus error here would end the stage. */
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

static StepResult result_of_ended(OpsKernel *ops, const Child *child) {
        StepResult result = ops->slots[child->device].result;

        if (result.outcome == OUTCOME_PENDING) {
                judge_lost_worker(ops, child, &result);
                result.ended_usec = usec_now();
        }
        return result;
}

/* It has ended, so this does not wait. */
static int take_ended(OpsKernel *ops, size_t device, StepResult *ret_result) {
        Child *child = &ops->children[device];
        int r;

        r = pidfd_wait(child->fd, &child->status, WEXITED);
        if (r < 0)
                return r;
        child->pid = 0;
        child->fd = child_watch_remove(&ops->watch, child->fd);
        *ret_result = result_of_ended(ops, child);
        return OPS_WAIT_DONE;
}

static void let_go(OpsKernel *ops) {
        if (ops->hold_fds[1] < 0)
                return;
        for (size_t i = 0; i < ops->topology->n_devices; i++)
                ops->slots[i].may_go_on = true;
        close_fd(&ops->hold_fds[1]);
        ops->hold_fds[1] = -1;
}

static int kernel_wait(void *context, usec_t deadline, size_t *ret_step, StepResult *ret_result) {
        OpsKernel *ops = context;
        uint64_t device = 0;
        int r;

        let_go(ops);
        r = child_watch_wait(&ops->watch, deadline, &device);
        switch (r) {
        case CHILD_WATCH_ENDED:
                *ret_step = device;
                return take_ended(ops, device, ret_result);
        case CHILD_WATCH_TIMEOUT:
                return OPS_WAIT_TIMEOUT;
        case CHILD_WATCH_SIGNAL:
                return OPS_WAIT_SIGNAL;
        default:
                return r;
        }
}

static void kernel_abandon(void *context, size_t step, StepResult *ret_result) {
        static const char *const doing[_PHASE_MAX] = {
                [PHASE_FORK] = "before its worker ran",
                [PHASE_CHECK] = "while it was being identified",
                [PHASE_FSYNC] = "while its data were being written back",
                [PHASE_SHUTDOWN] = "inside the shutdown handshake, the kernel's pass waits for it",
                [PHASE_VERIFY] = "while its registers were being read",
        };
        OpsKernel *ops = context;
        WorkerSlot slot;

        ops->slots[step].is_abandoned = true;
        slot = ops->slots[step];
        ops->children[step].fd = child_watch_remove(&ops->watch, ops->children[step].fd);
        step_result_set_reason(&slot.result, "time was up %s",
                               doing[slot.phase < _PHASE_MAX ? slot.phase : PHASE_VERIFY]);
        worker_enter_phase(&slot, _PHASE_MAX);
        *ret_result = slot.result;
}

bool ops_kernel_is_told_to_stop(const OpsKernel *ops) {
        return ops->watch.is_told_to_stop;
}

int ops_kernel_join(OpsKernel *ops, size_t device, usec_t deadline, StepResult *ret_result) {
        Child *child = &ops->children[device];
        _cleanup_close_ int fd = -1;
        int r;

        /* Ours until we have waited for it: the number can't have become another process's. */
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
        *ret_result = result_of_ended(ops, child);
        return 1;
}

const ShutdownOps ops_kernel = {
        .now = kernel_now,
        .start = kernel_start,
        .wait = kernel_wait,
        .abandon = kernel_abandon,
};

static int allocate(OpsKernel *ops, size_t n) {
        ops->children = calloc(n + 1, sizeof(Child));
        for (size_t i = 0; ops->children && i < n; i++)
                ops->children[i].fd = -1;
        ops->slots_size = (n + 1) * sizeof(WorkerSlot);
        ops->slots = mmap(NULL, ops->slots_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                          -1, 0);
        if (ops->slots == MAP_FAILED)
                ops->slots = NULL;
        return ops->children && ops->slots ? 0 : -ENOMEM;
}

/* Each worker that runs is a descriptor here, and systemd's soft limit is 1024 (it is for programs
 * that use select(2), which none here does). What can't be raised makes some wait for others,
 * ignoring. */
static void raise_descriptor_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

int ops_kernel_new(int root_fd, const Topology *topology, bool is_live, char *argv0,
                   OpsKernel **ret) {
        OpsKernel *ops = calloc(1, sizeof(OpsKernel));
        int r;

        if (!ops)
                return -ENOMEM;
        raise_descriptor_limit();
        /* without it they just go on one after the other */
        if (pipe2(ops->hold_fds, O_CLOEXEC) < 0)
                ops->hold_fds[0] = ops->hold_fds[1] = -1;
        ops->root_fd = root_fd;
        ops->topology = topology;
        ops->argv0 = argv0;
        ops->is_live = is_live;
        ops->watch = CHILD_WATCH_INIT;
        driver_log_open(root_fd, &ops->log);
        r = allocate(ops, topology->n_devices);
        if (r >= 0)
                r = child_watch_init(&ops->watch);
        if (r < 0) {
                ops_kernel_free(ops);
                return r;
        }
        *ret = ops;
        return 0;
}

OpsKernel *ops_kernel_free(OpsKernel *ops) {
        if (!ops)
                return NULL;
        for (size_t i = 0; ops->children && i < ops->topology->n_devices; i++)
                (void) child_watch_remove(&ops->watch, ops->children[i].fd);
        child_watch_done(&ops->watch);
        if (ops->slots)
                (void) munmap(ops->slots, ops->slots_size);
        close_fd(&ops->hold_fds[0]);
        close_fd(&ops->hold_fds[1]);
        driver_log_close(&ops->log);
        free(ops->children);
        free(ops);
        return NULL;
}
