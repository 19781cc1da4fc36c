/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One process for each bind, watched by an sd-event loop; see rebind.h. */

#include "trial/rebind.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "base/file.h"
#include "base/log.h"
#include "base/names.h"
#include "tree/nvme_presence.h"
#include "trial/uevents.h"

#define BIND_PATH "sys/bus/pci/drivers/nvme/bind"
/* How long a bind waits for the previous controller to get its name; after that the order of names
 * is given up. */
#define NAME_USEC USEC_PER_SEC
/* Look again after this time even without an event: only since Linux 5.14 the state "live" has one.
 * A fork() that failed is repeated then, too. */
#define LOOK_USEC (250 * USEC_PER_MSEC)

typedef struct Target {
        size_t device;
        RebindResult *result;
        usec_t asked_usec;   /* the start of the run, the same for all targets */
        usec_t started_usec; /* of its own process; 0: not started */
        sd_event_source *source;
        bool has_ended; /* its process has exited: write(2) to bind has returned */
        int error;      /* what it returned, as a positive errno */
        bool is_settled;
} Target;

struct Rebind {
        int root_fd;
        const Topology *topology;
        sd_event *event;
        Uevents *uevents;
        Target *targets;
        size_t n_targets;
};

static const char *const outcome_table[_REBIND_OUTCOME_MAX] = {
        [REBIND_NONE] = "none", [REBIND_DONE] = "done",     [REBIND_HELD] = "held",
        [REBIND_LATE] = "late", [REBIND_FAILED] = "failed",
};

const char *rebind_outcome_to_string(RebindOutcome outcome) {
        return NAME_OF(outcome_table, outcome);
}

static void format_text(char *buffer, const char *format, ...) _printf_(2, 3);
static void format_text(char *buffer, const char *format, ...) {
        va_list args;

        va_start(args, format);
        (void) vsnprintf(buffer, REASON_MAX, format, args);
        va_end(args);
}

static void format_bind(const Device *device, char *mend) {
        format_text(mend, "echo %s > /%s", device->address, BIND_PATH);
}

void rebind_set_held(const Device *device, RebindResult *result) {
        result->outcome = REBIND_HELD;
        format_text(result->reason,
                    "not tried: its unbind is still under way (the process named %s), and bind "
                    "would wait "
                    "for it; when that has ended:",
                    device->controller->name);
        format_bind(device, result->mend);
}

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata) {
        Target *target = userdata;

        target->has_ended = true;
        target->error = si->si_code == CLD_EXITED ? si->si_status : EINTR;
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static int on_uevent(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        uevents_drain(userdata);
        return 0;
}

static void rebind_freep(Rebind **rebind) {
        (void) rebind_free(*rebind);
}

int rebind_new(int root_fd, const Topology *topology, Rebind **ret) {
        _cleanup_(rebind_freep) Rebind *rebind = calloc(1, sizeof(Rebind));
        sigset_t mask;
        int fds[2], r;

        if (!rebind)
                return -ENOMEM;
        rebind->root_fd = root_fd;
        rebind->topology = topology;
        rebind->targets = calloc(topology->n_devices + 1, sizeof(Target));
        if (!rebind->targets)
                return -ENOMEM;
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = sd_event_new(&rebind->event);
        if (r < 0)
                return r;
        r = uevents_new(&rebind->uevents);
        if (r < 0)
                return r;
        uevents_fds(rebind->uevents, fds);
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
                r = sd_event_add_io(rebind->event, NULL, fds[i], EPOLLIN, on_uevent,
                                    rebind->uevents);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(rebind);
        return 0;
}

Rebind *rebind_free(Rebind *rebind) {
        if (!rebind)
                return NULL;
        (void) sd_event_unref(rebind->event);
        (void) uevents_free(rebind->uevents);
        free(rebind->targets);
        free(rebind);
        return NULL;
}

static const Device *target_device(const Rebind *rebind, const Target *target) {
        return &rebind->topology->devices[target->device];
}

/* Orders by the old names, nvme2 before nvme10: the kernel gives each controller the lowest free
 * number. */
static int compare_names(const void *a, const void *b, void *userdata) {
        const Rebind *rebind = userdata;

        return strverscmp(target_device(rebind, a)->controller->name,
                          target_device(rebind, b)->controller->name);
}

static void settle_target(Target *target, RebindOutcome outcome) {
        target->is_settled = true;
        target->result->outcome = outcome;
        target->result->usec = usec_now() - target->asked_usec;
        if (target->source) {
                (void) sd_event_source_set_enabled(target->source, SD_EVENT_OFF);
                target->source = sd_event_source_unref(target->source);
        }
}

static size_t planned_namespaces(const Topology *topology, size_t device) {
        size_t n = 0;

        for (size_t i = 0; i < topology->n_blocks; i++)
                n += block_leads_to(&topology->blocks[i], device);
        return n;
}

/* The deadline has passed: sets the reason and settles the target. */
static void give_up(const Rebind *rebind, Target *target, const NvmePresence *now) {
        const Device *d = target_device(rebind, target);
        RebindResult *result = target->result;

        if (target->started_usec == 0) {
                format_text(result->reason, "no process could be started for it: %s",
                            strerror(target->error));
                format_bind(d, result->mend);
                settle_target(target, REBIND_FAILED);
                return;
        }
        if (!target->has_ended)
                format_text(result->reason, "the kernel is still binding it (the process named %s)",
                            d->controller->name);
        else
                format_text(result->reason, "its state is %s, %zu of %zu namespaces are there",
                            *now->state ? now->state : "unknown", now->n_namespaces,
                            planned_namespaces(rebind->topology, target->device));
        if (target->has_ended && *now->name)
                format_text(result->mend, "echo 1 > /sys/class/nvme/%s/reset_controller",
                            now->name);
        settle_target(target, REBIND_LATE);
}

static bool is_usable(const Rebind *rebind, const Target *target, const NvmePresence *now) {
        return STREQ(now->state, "live") &&
               now->n_namespaces >= planned_namespaces(rebind->topology, target->device);
}

static void look_at_target(const Rebind *rebind, Target *target, usec_t limit_usec) {
        const Device *d = target_device(rebind, target);
        RebindResult *result = target->result;
        bool has_ended = target->has_ended;
        NvmePresence now;

        nvme_presence_read(rebind->root_fd, d->address, &now);
        (void) snprintf(result->name, sizeof(result->name), "%s", now.name);
        if (!now.is_on_bus) {
                format_text(result->reason,
                            "it is gone from the bus: check its power and slot, then:");
                format_text(result->mend, "echo 1 > /sys/bus/pci/rescan");
                settle_target(target, REBIND_FAILED);
        } else if (STREQ(now.state, "live") && !STREQ(now.serial, d->controller->serial)) {
                format_text(result->reason, "another controller is at this address: serial %s",
                            now.serial);
                settle_target(target, REBIND_FAILED);
        } else if (is_usable(rebind, target, &now) && (has_ended || !target->source)) {
                /* Only when its process has exited too, so that no process is left over. */
                settle_target(target, REBIND_DONE);
        } else if (has_ended && target->error > 0) {
                format_text(result->reason, "writing to /%s: %s", BIND_PATH,
                            strerror(target->error));
                format_bind(d, result->mend);
                settle_target(target, REBIND_FAILED);
        } else if (has_ended && !now.is_driven) {
                format_text(result->reason, "the driver has given it up, see the kernel log");
                format_bind(d, result->mend);
                settle_target(target, REBIND_FAILED);
        } else if (usec_now() >= target->asked_usec + limit_usec) {
                give_up(rebind, target, &now);
        }
}

/* Runs in the child, which exits with the errno. */
static void bind_and_exit(const Rebind *rebind, const Target *target) {
        const Device *d = target_device(rebind, target);

        (void) prctl(PR_SET_NAME, d->controller->name);
        _exit(-file_write(rebind->root_fd, BIND_PATH, d->address));
}

/* SD_EVENT_ONESHOT, the default, can miss the exit: if as many descriptors are ready as the event loop
 * has room for, it calls epoll_wait(2) again with more room and forgets the first answer, of which the
 * kernel does not repeat EPOLLONESHOT's (process_epoll(), systemd 252 and later). Only a source that was
 * off registers its descriptor again. */
static int watch_process(Rebind *rebind, Target *target, pid_t pid) {
        const int states[] = { SD_EVENT_OFF, SD_EVENT_ON };
        int r = sd_event_add_child(rebind->event, &target->source, pid, WEXITED, on_child, target);

        for (size_t i = 0; i < ARRAY_SIZE(states) && r >= 0; i++)
                r = sd_event_source_set_enabled(target->source, states[i]);
        return r;
}

static void start_process(Rebind *rebind, Target *target) {
        pid_t pid = fork();
        int r;

        if (pid == 0)
                bind_and_exit(rebind, target);
        if (pid < 0) {
                /* start_next() repeats it until the deadline. */
                target->error = errno;
                return;
        }
        target->started_usec = usec_now();
        target->error = 0;
        r = watch_process(rebind, target, pid);
        /* Without the source we do not see it exit, but sysfs shows the result, ignoring. */
        if (r < 0)
                target->source = sd_event_source_unref(target->source);
}

static void start_next(Rebind *rebind) {
        usec_t now = usec_now();

        for (size_t i = 0; i < rebind->n_targets; i++) {
                Target *target = &rebind->targets[i];

                if (target->is_settled)
                        continue;
                if (target->started_usec == 0)
                        start_process(rebind, target);
                if (target->started_usec == 0)
                        return;
                if (!*target->result->name && now < target->started_usec + NAME_USEC)
                        return;
        }
}

static void collect_targets(Rebind *rebind, const bool *wanted, RebindResult *results) {
        usec_t now = usec_now();

        rebind->n_targets = 0;
        for (size_t i = 0; i < rebind->topology->n_devices; i++) {
                if (!wanted[i])
                        continue;
                results[i] = (RebindResult){};
                rebind->targets[rebind->n_targets++] = (Target){
                        .device = i,
                        .result = &results[i],
                        .asked_usec = now,
                };
        }
        if (rebind->n_targets > 0)
                qsort_r(rebind->targets, rebind->n_targets, sizeof(Target), compare_names, rebind);
}

/* Returns whether any target is not settled. */
static bool look_at_all(Rebind *rebind, usec_t limit_usec) {
        bool is_waiting = false;

        for (size_t i = 0; i < rebind->n_targets; i++) {
                Target *target = &rebind->targets[i];

                if (!target->is_settled)
                        look_at_target(rebind, target, limit_usec);
                is_waiting = is_waiting || !target->is_settled;
        }
        return is_waiting;
}

void rebind_run(Rebind *rebind, const bool *wanted, usec_t limit_usec, RebindResult *results) {
        collect_targets(rebind, wanted, results);
        while (look_at_all(rebind, limit_usec)) {
                int r;

                start_next(rebind);
                r = sd_event_run(rebind->event, LOOK_USEC);
                /* Sleep then: look_at_target() checks the deadline. */
                if (r < 0) {
                        log_debug("The event loop failed, ignoring: %s", strerror(-r));
                        (void) usleep(LOOK_USEC);
                }
        }
}
