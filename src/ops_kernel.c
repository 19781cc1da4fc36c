/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Worker processes; see ops_kernel.h. */

#include "ops_kernel.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "poll_until.h"
#include "verify.h"
#include "worker.h"

typedef struct Child {
        OpsKernel *ops;
        size_t device;
        StepAction action;
        pid_t pid;
        sd_event_source *source;
        bool has_ended;
        siginfo_t status;
} Child;

struct OpsKernel {
        int root_fd;
        const Topology *topology;
        char *argv0;
        bool is_live;
        sd_event *event;
        bool is_told_to_stop;
        WorkerSlot *slots; /* shared with the workers, one for each device */
        size_t slots_size;
        int hold_fds[2]; /* see WorkerSlot.hold_fd; the writing end is closed by the first wait */
        Child *children; /* one for each device */
        size_t *ended;   /* queue of devices whose worker has ended */
        size_t ended_head;
        size_t ended_tail;
};

static usec_t kernel_now(void *context) {
        return usec_now();
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        OpsKernel *ops = userdata;

        ops->is_told_to_stop = true;
        return 0;
}

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata) {
        Child *child = userdata;

        child->has_ended = true;
        child->status = *si;
        child->ops->ended[child->ops->ended_tail++] = child->device;
        return 0;
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
        (void) prctl(PR_SET_NAME, ops->topology->devices[device].controller->name);
        if (ops->argv0)
                *ops->argv0 = '@';
        worker_run(ops->root_fd, ops->topology, device, action, ops->is_live, &ops->slots[device]);
        _exit(EXIT_SUCCESS);
}

static int kernel_start(void *context, size_t step, StepAction action) {
        OpsKernel *ops = context;
        Child *child = &ops->children[step];
        pid_t pid;
        int r;

        worker_slot_init(&ops->slots[step]);
        ops->slots[step].hold_fd = ops->hold_fds[1] >= 0 ? ops->hold_fds[0] : -1;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run_child(ops, step, action);
        *child = (Child){ .ops = ops, .device = step, .action = action, .pid = pid };
        /* By pidfd: no other child's end is taken for this one's. */
        r = sd_event_add_child(ops->event, &child->source, pid, WEXITED, on_child, child);
        if (r < 0) {
                /* It runs, but we would not see its end. It has all its checks before it, and stops
                 * there; no errno that asks for another try, or there would be two workers. */
                child->source = NULL;
                ops->slots[step].is_abandoned = true;
                return -ECHILD;
        }
        return 0;
}

static void watch_no_more(Child *child) {
        if (!child->source)
                return;
        (void) sd_event_source_set_enabled(child->source, SD_EVENT_OFF);
        child->source = sd_event_source_unref(child->source);
}

/* A worker that ended without an outcome was killed or crashed. Before the write nothing has
 * happened to the controller; from then on only its registers know. */
static void judge_lost_worker(const OpsKernel *ops, const Child *child, StepResult *result) {
        const Device *d = &ops->topology->devices[child->device];
        const WorkerSlot *slot = &ops->slots[child->device];
        char cause[64], reason[REASON_MAX];

        if (child->status.si_code == CLD_EXITED)
                (void) snprintf(cause, sizeof(cause), "its worker exited with status %d",
                                child->status.si_status);
        else
                (void) snprintf(cause, sizeof(cause), "its worker was killed by signal %d",
                                child->status.si_status);
        if (child->action != STEP_DETACH || slot->phase < PHASE_SHUTDOWN) {
                result->outcome = OUTCOME_LEFT;
                (void) snprintf(result->reason, sizeof(result->reason), "%s", cause);
                return;
        }
        if (slot->phase == PHASE_SHUTDOWN)
                result->phase_usec[PHASE_SHUTDOWN] += usec_now() - slot->phase_started_usec;
        verify_shutdown(ops->root_fd, d->address, d->controller->name, result->started_usec,
                        result);
        if (result->outcome == OUTCOME_DETACHED)
                return;
        memcpy(reason, result->reason, sizeof(reason));
        (void) snprintf(result->reason, sizeof(result->reason), "%s; %.130s", cause, reason);
}

static StepResult result_of_ended(const OpsKernel *ops, const Child *child) {
        StepResult result = ops->slots[child->device].result;

        if (result.outcome == OUTCOME_PENDING) {
                judge_lost_worker(ops, child, &result);
                result.ended_usec = usec_now();
        }
        return result;
}

static void take_ended(OpsKernel *ops, size_t *ret_step, StepResult *ret_result) {
        Child *child = &ops->children[ops->ended[ops->ended_head++]];

        watch_no_more(child);
        *ret_step = child->device;
        *ret_result = result_of_ended(ops, child);
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

        let_go(ops);
        for (;;) {
                usec_t now;
                int r;

                if (ops->ended_head < ops->ended_tail) {
                        take_ended(ops, ret_step, ret_result);
                        return OPS_WAIT_DONE;
                }
                if (ops->is_told_to_stop)
                        return OPS_WAIT_SIGNAL;
                now = usec_now();
                if (now >= deadline)
                        return OPS_WAIT_TIMEOUT;
                r = sd_event_run(ops->event, deadline - now);
                if (r < 0 && r != -EINTR)
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
        watch_no_more(&ops->children[step]);
        (void) snprintf(slot.result.reason, sizeof(slot.result.reason), "time was up %s",
                        doing[slot.phase < _PHASE_MAX ? slot.phase : PHASE_VERIFY]);
        worker_enter_phase(&slot, _PHASE_MAX);
        *ret_result = slot.result;
}

bool ops_kernel_is_told_to_stop(const OpsKernel *ops) {
        return ops->is_told_to_stop;
}

int ops_kernel_join(OpsKernel *ops, size_t device, usec_t deadline, StepResult *ret_result) {
        Child *child = &ops->children[device];
        _cleanup_close_ int fd = -1;
        int r;

        /* Ours until we have waited for it: the number can't have become another process's. */
        fd = child->pid > 0 ? pidfd_open(child->pid, 0) : -1;
        if (fd < 0)
                return child->pid > 0 ? -errno : -ESRCH;
        r = poll_until(fd, deadline);
        if (r <= 0)
                return r;
        if (waitid(P_PIDFD, (id_t) fd, &child->status, WEXITED) < 0)
                return -errno;
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

/* sd_event_add_child() wants SIGCHLD blocked even where it uses a pidfd. */
static int block_signals(void) {
        sigset_t mask;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        (void) sigaddset(&mask, SIGTERM);
        (void) sigaddset(&mask, SIGINT);
        return sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ? -errno : 0;
}

static int allocate(OpsKernel *ops, size_t n) {
        ops->children = calloc(n + 1, sizeof(Child));
        ops->ended = calloc(n + 1, sizeof(size_t));
        ops->slots_size = (n + 1) * sizeof(WorkerSlot);
        ops->slots = mmap(NULL, ops->slots_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                          -1, 0);
        if (ops->slots == MAP_FAILED)
                ops->slots = NULL;
        return ops->children && ops->ended && ops->slots ? 0 : -ENOMEM;
}

int ops_kernel_new(int root_fd, const Topology *topology, bool is_live, char *argv0,
                   OpsKernel **ret) {
        OpsKernel *ops = calloc(1, sizeof(OpsKernel));
        int r;

        if (!ops)
                return -ENOMEM;
        /* without it they just go on one after the other */
        if (pipe2(ops->hold_fds, O_CLOEXEC) < 0)
                ops->hold_fds[0] = ops->hold_fds[1] = -1;
        ops->root_fd = root_fd;
        ops->topology = topology;
        ops->argv0 = argv0;
        ops->is_live = is_live;
        r = allocate(ops, topology->n_devices);
        if (r >= 0)
                r = block_signals();
        if (r >= 0)
                r = sd_event_new(&ops->event);
        if (r >= 0)
                r = sd_event_add_signal(ops->event, NULL, SIGTERM, on_signal, ops);
        if (r >= 0)
                r = sd_event_add_signal(ops->event, NULL, SIGINT, on_signal, ops);
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
                watch_no_more(&ops->children[i]);
        (void) sd_event_unref(ops->event);
        if (ops->slots)
                (void) munmap(ops->slots, ops->slots_size);
        close_fd(&ops->hold_fds[0]);
        close_fd(&ops->hold_fds[1]);
        free(ops->children);
        free(ops->ended);
        free(ops);
        return NULL;
}
