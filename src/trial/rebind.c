/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One process for each bind, watched by an sd-event loop; see rebind.h. */

#include "trial/rebind.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "base/file.h"
#include "base/names.h"
#include "tree/nvme_presence.h"
#include "trial/uevents.h"

#define BIND_PATH "sys/bus/pci/drivers/nvme/bind"
/* How long the next one waits for the name of the one before: longer, and order is given up. */
#define NAME_USEC USEC_PER_SEC
/* The state "live" has an event of its own since Linux 5.14 only, so we look without one, too; and
 * a fork that failed is tried again then. */
#define LOOK_USEC (250 * USEC_PER_MSEC)

typedef struct Target {
        size_t device;
        RebindResult *result;
        usec_t asked_usec;   /* all of one run are asked for at once */
        usec_t started_usec; /* 0: not yet */
        sd_event_source *source;
        bool has_ended; /* the write(2) to bind has returned */
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

static void say(char *buffer, const char *format, ...) _printf_(2, 3);
static void say(char *buffer, const char *format, ...) {
        va_list args;

        va_start(args, format);
        (void) vsnprintf(buffer, REASON_MAX, format, args);
        va_end(args);
}

static void say_bind(const Device *device, char *mend) {
        say(mend, "echo %s > /%s", device->address, BIND_PATH);
}

void rebind_set_held(const Device *device, RebindResult *result) {
        result->outcome = REBIND_HELD;
        say(result->reason,
            "not tried: its unbind is still under way (the process named %s), and bind would wait "
            "for it; when that has ended:",
            device->controller->name);
        say_bind(device, result->mend);
}

static int on_child(sd_event_source *source, const siginfo_t *si, void *userdata) {
        Target *target = userdata;

        target->has_ended = true;
        target->error = si->si_code == CLD_EXITED ? si->si_status : EINTR;
        return 0;
}

static int on_uevent(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        uevents_drain(userdata);
        return 0;
}

int rebind_new(int root_fd, const Topology *topology, Rebind **ret) {
        Rebind *rebind = calloc(1, sizeof(Rebind));
        int fds[2], r = 0;
        sigset_t mask;

        if (!rebind)
                return -ENOMEM;
        rebind->root_fd = root_fd;
        rebind->topology = topology;
        rebind->targets = calloc(topology->n_devices + 1, sizeof(Target));
        if (!rebind->targets)
                r = -ENOMEM;
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD);
        if (r >= 0 && sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                r = -errno;
        if (r >= 0)
                r = sd_event_new(&rebind->event);
        if (r >= 0)
                r = uevents_new(&rebind->uevents);
        if (r >= 0)
                uevents_fds(rebind->uevents, fds);
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(fds); i++)
                r = sd_event_add_io(rebind->event, NULL, fds[i], EPOLLIN, on_uevent,
                                    rebind->uevents);
        if (r < 0) {
                rebind_free(rebind);
                return r;
        }
        *ret = rebind;
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

/* By the old names, nvme2 before nvme10: the kernel gives each the lowest free number. */
static int compare_names(const void *a, const void *b, void *userdata) {
        const Rebind *rebind = userdata;

        return strverscmp(target_device(rebind, a)->controller->name,
                          target_device(rebind, b)->controller->name);
}

static void settle(Target *target, RebindOutcome outcome) {
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
                for (size_t k = 0; k < topology->blocks[i].n_controllers; k++)
                        n += topology->blocks[i].controllers[k] == device;
        return n;
}

/* Says what is missing at the deadline. */
static void give_up(const Rebind *rebind, Target *target, const NvmePresence *now) {
        const Device *d = target_device(rebind, target);
        RebindResult *result = target->result;

        if (target->started_usec == 0) {
                say(result->reason, "no process could be started for it: %s",
                    strerror(target->error));
                say_bind(d, result->mend);
                settle(target, REBIND_FAILED);
                return;
        }
        if (!target->has_ended)
                say(result->reason, "the kernel is still binding it (the process named %s)",
                    d->controller->name);
        else
                say(result->reason, "its state is %s, %zu of %zu namespaces are there",
                    *now->state ? now->state : "unknown", now->n_namespaces,
                    planned_namespaces(rebind->topology, target->device));
        if (target->has_ended && *now->name)
                say(result->mend, "echo 1 > /sys/class/nvme/%s/reset_controller", now->name);
        settle(target, REBIND_LATE);
}

static bool is_usable(const Rebind *rebind, const Target *target, const NvmePresence *now) {
        return STREQ(now->state, "live") &&
               now->n_namespaces >= planned_namespaces(rebind->topology, target->device);
}

static void look_at(const Rebind *rebind, Target *target, usec_t limit_usec) {
        const Device *d = target_device(rebind, target);
        RebindResult *result = target->result;
        bool has_ended = target->has_ended;
        NvmePresence now;

        nvme_presence_read(rebind->root_fd, d->address, &now);
        (void) snprintf(result->name, sizeof(result->name), "%s", now.name);
        if (!now.is_on_bus) {
                say(result->reason, "it is gone from the bus: check its power and slot, then:");
                say(result->mend, "echo 1 > /sys/bus/pci/rescan");
                settle(target, REBIND_FAILED);
        } else if (STREQ(now.state, "live") && !STREQ(now.serial, d->controller->serial)) {
                say(result->reason, "another controller is at this address: serial %s", now.serial);
                settle(target, REBIND_FAILED);
        } else if (is_usable(rebind, target, &now) && (has_ended || !target->source)) {
                /* Its process is waited for as well: nothing is to be left behind. */
                settle(target, REBIND_DONE);
        } else if (has_ended && target->error > 0) {
                say(result->reason, "writing to /%s: %s", BIND_PATH, strerror(target->error));
                say_bind(d, result->mend);
                settle(target, REBIND_FAILED);
        } else if (has_ended && !now.is_driven) {
                say(result->reason, "the driver has given it up, the kernel log says why");
                say_bind(d, result->mend);
                settle(target, REBIND_FAILED);
        } else if (usec_now() >= target->asked_usec + limit_usec) {
                give_up(rebind, target, &now);
        }
}

/* Runs in the child; its status is the errno. */
static void bind_and_exit(const Rebind *rebind, const Target *target) {
        const Device *d = target_device(rebind, target);

        (void) prctl(PR_SET_NAME, d->controller->name);
        _exit(-file_write(rebind->root_fd, BIND_PATH, d->address));
}

static void start(Rebind *rebind, Target *target) {
        pid_t pid = fork();
        int r;

        if (pid == 0)
                bind_and_exit(rebind, target);
        if (pid < 0) {
                /* Tried again until its time is up. */
                target->error = errno;
                return;
        }
        target->started_usec = usec_now();
        target->error = 0;
        r = sd_event_add_child(rebind->event, &target->source, pid, WEXITED, on_child, target);
        /* Its end will not be seen, only what comes of it, ignoring. */
        if (r < 0)
                target->source = NULL;
}

static void start_next(Rebind *rebind) {
        usec_t now = usec_now();

        for (size_t i = 0; i < rebind->n_targets; i++) {
                Target *target = &rebind->targets[i];

                if (target->is_settled)
                        continue;
                if (target->started_usec == 0)
                        start(rebind, target);
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

/* Whether anything is left to wait for. */
static bool look_at_all(Rebind *rebind, usec_t limit_usec) {
        bool is_waiting = false;

        for (size_t i = 0; i < rebind->n_targets; i++) {
                Target *target = &rebind->targets[i];

                if (!target->is_settled)
                        look_at(rebind, target, limit_usec);
                is_waiting = is_waiting || !target->is_settled;
        }
        return is_waiting;
}

void rebind_run(Rebind *rebind, const bool *wanted, usec_t limit_usec, RebindResult *results) {
        collect_targets(rebind, wanted, results);
        while (look_at_all(rebind, limit_usec)) {
                start_next(rebind);
                /* Without the loop nothing would wake us, and the deadline is in look_at(). */
                if (sd_event_run(rebind->event, LOOK_USEC) < 0)
                        (void) usleep(LOOK_USEC);
        }
}
