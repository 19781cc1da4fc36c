/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sequence for one controller; see worker.h. */

#include "waves/worker.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/poll_until.h"
#include "base/text.h"
#include "inuse/mount_guard.h"
#include "tree/block_node.h"
#include "tree/device_blocks.h"
#include "tree/pci_presence.h"
#include "waves/verify.h"

#define UNBIND_PATH "sys/bus/pci/drivers/nvme/unbind"
#define HOLD_MAX_USEC (10 * USEC_PER_SEC)

typedef struct Worker {
        int root_fd;
        const Topology *topology;
        size_t device;
        bool is_live;
        WorkerSlot *slot;
        /* Opened while nobody else is at work yet: each unbind takes sysfs apart under a lock that
         * every look at a path there needs, and with 128 of them a look took 300 ms. */
        int serial_fd;
        int unbind_fd;
        int *claims; /* descriptors of namespaces that this controller alone has */
        size_t n_claims;
        int *delays; /* of the attribute delayed_removal_secs, of heads where it is set */
        size_t n_delays;
        DriverLog log;
        int schedstat_fd;
} Worker;

/* Ends the step with an outcome and its reason. Always false, so that a check can return it. */
#define refuse_step(worker, ...) (step_result_set(&(worker)->slot->result, __VA_ARGS__), false)

static const Device *worker_device(const Worker *w) {
        return &w->topology->devices[w->device];
}

/* Whether sysfs has lost it, or the physical function that it is a virtual one of: a step that
 * waits for it has nothing left to disturb then. */
static bool is_gone(const Worker *w) {
        const Device *d = worker_device(w);

        return !pci_is_listed(w->root_fd, d->address) ||
               (d->physfn != TOPOLOGY_NONE &&
                !pci_is_listed(w->root_fd, w->topology->devices[d->physfn].address));
}

static bool belongs_to(const Block *block, size_t device) {
        for (size_t i = 0; i < block->n_controllers; i++)
                if (block->controllers[i] == device)
                        return true;
        return false;
}

/* Through the descriptor it is the very controller that was looked at first: one that has taken its
 * place meanwhile has another attribute of that name, and this one reads as ENODEV. */
static bool has_same_serial(Worker *w) {
        const Device *d = worker_device(w);
        _cleanup_free_ char *serial = NULL;
        int r = file_read_fd(w->serial_fd, &serial);

        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "%s is no longer at this address: %s",
                                   d->controller->name, strerror(-r));
        text_clean_attribute(serial);
        if (!STREQ(serial, d->controller->serial))
                return refuse_step(w, OUTCOME_LEFT,
                                   "another controller is at this address: serial %s", serial);
        return true;
}

/* Never trust a name: a hot-plugged drive may have got the address, or the name, of another. */
static bool is_same_controller(Worker *w) {
        const Device *d = worker_device(w);
        _cleanup_free_ char *driver = NULL;
        char dir[PATH_MAX];
        int r;

        (void) snprintf(dir, sizeof(dir), "sys/bus/pci/devices/%s", d->address);
        if (!pci_is_listed(w->root_fd, d->address)) {
                w->slot->result.is_gone = true;
                return refuse_step(w, OUTCOME_VANISHED, "gone from the bus");
        }
        r = file_link_name(w->root_fd, dir, "driver", &driver);
        if (r < 0 || !STREQ(driver, "nvme"))
                return refuse_step(w, OUTCOME_LEFT, "no longer bound to nvme but to %s",
                                   r < 0 ? "nothing" : driver);
        (void) snprintf(dir, sizeof(dir), "sys/bus/pci/devices/%s/nvme/%s/serial", d->address,
                        d->controller->name);
        w->serial_fd = file_open(w->root_fd, dir, O_RDONLY);
        if (w->serial_fd < 0)
                return refuse_step(w, OUTCOME_LEFT, "%s is no longer at this address: %s",
                                   d->controller->name, strerror(-w->serial_fd));
        return has_same_serial(w);
}

/* A descriptor of the worker's own: one that is shared would serialise all writes (kernfs
 * of->mutex). */
static bool can_unbind(Worker *w) {
        driver_log_open(w->root_fd, &w->log);
        w->schedstat_fd = file_open(w->root_fd, "proc/self/schedstat", O_RDONLY);
        w->unbind_fd = file_open(w->root_fd, UNBIND_PATH, O_WRONLY);
        return w->unbind_fd >= 0 || refuse_step(w, OUTCOME_LEFT, "opening /%s: %s", UNBIND_PATH,
                                                strerror(-w->unbind_fd));
}

/* A drive that was pulled reads as all ones, in its configuration space too. Nothing sent to it
 * ever comes back: an fsync() would wait for nvme_core.io_timeout (30 s), where the kernel's pass
 * takes it for dead at once (nvme_dev_disable(), 6.1). Where this can't be read, the later steps
 * have to find out. */
static bool answers_on_bus(Worker *w) {
        if (pci_presence(w->root_fd, worker_device(w)->address) != 0)
                return true;
        w->slot->result.is_gone = is_gone(w);
        return refuse_step(w, OUTCOME_VANISHED, "it no longer answers on the bus");
}

/* Shutting a physical function down ends its virtual ones: a new one since the plan was made is
 * in no plan. */
static bool has_planned_vfs(Worker *w) {
        const Device *d = worker_device(w);
        _cleanup_free_ char *text = NULL;
        char dir[PATH_MAX];
        int r;

        (void) snprintf(dir, sizeof(dir), "sys/bus/pci/devices/%s", d->address);
        r = file_read_at(w->root_fd, dir, "sriov_numvfs", &text);
        if (r == -ENOENT && d->n_vfs == 0)
                return true;
        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "its virtual functions can't be counted: %s",
                                   strerror(-r));
        return strtoul(text, NULL, 10) == d->n_vfs ||
               refuse_step(w, OUTCOME_LEFT, "it has %s virtual functions, the plan knows %u", text,
                           d->n_vfs);
}

/* What the controller's own directory shows: its disks, or its paths to multipath heads. */
typedef struct Namespaces {
        size_t n;
        uint64_t n_sectors;
        bool is_busy; /* reads or writes are under way */
} Namespaces;

/* with_sectors: read what each has done as well. 0 or -errno. */
static int look_at_namespaces(const Worker *w, bool with_sectors, Namespaces *ret) {
        const Device *d = worker_device(w);
        _cleanup_closedir_ DIR *dir = NULL;
        Namespaces seen = {};
        char path[PATH_MAX];
        const char *name;
        int r;

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/nvme/%s", d->address,
                        d->controller->name);
        r = file_opendir(w->root_fd, path, &dir);
        if (r < 0)
                return r;
        while ((name = file_readdir(dir, &r))) {
                uint64_t n_sectors = 0;
                bool is_busy = false;

                if (!STARTSWITH(name, "nvme"))
                        continue;
                seen.n++;
                (void) snprintf(path, sizeof(path), "%s/stat", name);
                if (with_sectors)
                        r = block_count_sectors(dirfd(dir), path, &n_sectors, &is_busy);
                if (r < 0)
                        return r;
                seen.n_sectors += n_sectors;
                seen.is_busy |= is_busy;
        }
        if (r < 0)
                return r;
        *ret = seen;
        return 0;
}

/* A namespace that appeared after the plan was made is in no plan. */
static bool has_planned_namespaces(Worker *w) {
        size_t planned = 0;
        Namespaces seen;
        int r;

        for (size_t i = 0; i < w->topology->n_blocks; i++)
                planned += belongs_to(&w->topology->blocks[i], w->device);
        r = look_at_namespaces(w, false, &seen);
        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "its namespaces can't be listed: %s",
                                   strerror(-r));
        return seen.n == planned ||
               refuse_step(w, OUTCOME_LEFT, "it has %zu namespaces, the plan knows %zu", seen.n,
                           planned);
}

/* Whether no other controller has any of its namespaces, so that the worker can claim each. */
static bool is_all_its_own(const Worker *w) {
        for (size_t i = 0; i < w->topology->n_blocks; i++)
                if (belongs_to(&w->topology->blocks[i], w->device) &&
                    w->topology->blocks[i].n_controllers != 1)
                        return false;
        return true;
}

/* The net below all other checks: a user in the kernel that claims nothing and shows nowhere still
 * reads and writes. The survey and this worker do neither, and the fsync() of a shared head by the
 * worker of another path writes nothing, as an idle head has no dirty pages. But the Flush of that
 * worker may be under way here: for a shared head that is no proof of a user. */
static bool is_quiet(Worker *w) {
        const Controller *c = worker_device(w)->controller;
        Namespaces seen;
        int r;

        if (c->n_sectors == UINT64_MAX)
                return true;
        r = look_at_namespaces(w, true, &seen);
        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "its I/O counters can't be read: %s",
                                   strerror(-r));
        if (seen.n_sectors == c->n_sectors && (!seen.is_busy || !is_all_its_own(w)))
                return true;
        return refuse_step(w, OUTCOME_LEFT, "it was read or written since the plan was made");
}

/* Writes one block device back. The descriptor is kept in *ret_fd, with its claim. */
static bool write_back(Worker *w, const Block *block, bool claim, int *ret_fd) {
        int fd = block_node_open(w->root_fd, block->name, block->devnum, claim);

        if (fd == -EBUSY)
                return refuse_step(w, OUTCOME_LEFT, "/dev/%s was claimed after the plan was made",
                                   block->name);
        if (fd < 0)
                return refuse_step(w, OUTCOME_LEFT, "/dev/%s: %s", block->name,
                                   block_node_strerror(fd));
        if (fsync(fd) < 0) {
                int error = errno;

                (void) close(fd);
                return refuse_step(w, OUTCOME_LEFT, "fsync of /dev/%s: %s", block->name,
                                   strerror(error));
        }
        *ret_fd = fd;
        return true;
}

/* A partition has a page cache of its own beside the disk's, so each gets its fsync. */
static bool write_back_partitions(Worker *w, const Block *namespace) {
        for (size_t i = 0; i < namespace->n_users; i++) {
                const Block *user = &w->topology->blocks[namespace->users[i]];
                int fd = -1;

                if (user->kind != BLOCK_PARTITION)
                        continue;
                if (!write_back(w, user, false, &fd))
                        return false;
                (void) close(fd);
        }
        return true;
}

/* The claim on the disk covers its partitions (bd_may_claim(), 6.1) and is kept until the unbind
 * has returned, so that nothing can mount it in between. A multipath head is shared with the
 * workers of its other controllers, and usage has asked for its claim. */
static bool write_back_all(Worker *w) {
        const Topology *t = w->topology;

        for (size_t i = 0; i < t->n_blocks; i++) {
                const Block *block = &t->blocks[i];
                int fd = -1;

                if (!belongs_to(block, w->device))
                        continue;
                if (!write_back(w, block, block->n_controllers == 1, &fd))
                        return false;
                if (block->n_controllers == 1)
                        w->claims[w->n_claims++] = fd;
                else
                        (void) close(fd);
                if (!write_back_partitions(w, block))
                        return false;
        }
        return true;
}

static void close_all(int **fds, size_t *n) {
        while (*n > 0)
                (void) close((*fds)[--*n]);
        free(*fds);
        *fds = NULL;
}

/* An open descriptor keeps the dead controller in its subsystem, so none outlives the unbind. */
static void drop_claims(Worker *w) {
        close_all(&w->claims, &w->n_claims);
}

static bool can_claim(Worker *w) {
        w->claims = calloc(w->topology->n_blocks + 1, sizeof(int));
        w->delays = calloc(w->topology->n_blocks + 1, sizeof(int));
        return (w->claims && w->delays) || refuse_step(w, OUTCOME_LEFT, "%s", strerror(ENOMEM));
}

/* A descriptor of the attribute of one head, where it is set. -ENOENT: no head, or a
 * kernel that can't do that (6.12). */
static int open_delay(int root_fd, const char *head) {
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), "sys/class/block/%s/delayed_removal_secs", head);
        r = file_read(root_fd, path, &text);
        if (r < 0)
                return r;
        return STREQ(text, "0") ? -ENOENT : file_open(root_fd, path, O_WRONLY);
}

/* A head may outlive its last path by that many seconds, for a link that comes back: it queues what
 * is sent to it (nvme_mpath_remove_disk(), nvme_available_path(), 7.1). No link comes back here,
 * and an exitrd that reads every disk in search of volumes would wait for all of that time. In a
 * rehearsal the drive does come back. */
static void find_delays(Worker *w) {
        const Topology *t = w->topology;

        for (size_t i = 0; i < t->n_blocks && !w->is_live; i++) {
                int fd;

                if (!belongs_to(&t->blocks[i], w->device))
                        continue;
                fd = open_delay(w->root_fd, t->blocks[i].name);
                if (fd >= 0)
                        w->delays[w->n_delays++] = fd;
                else if (fd != -ENOENT)
                        log_debug("delayed_removal_secs of %s: %s, ignoring.", t->blocks[i].name,
                                  strerror(-fd));
        }
}

/* When nothing can keep the controller any more: one that is left stays as it was. */
static void end_delays(Worker *w) {
        for (size_t i = 0; i < w->n_delays; i++) {
                int r = file_write_fd(w->delays[i], "0");

                if (r < 0)
                        log_debug("delayed_removal_secs of a namespace of %s: %s, ignoring.",
                                  worker_device(w)->controller->name, strerror(-r));
        }
        close_all(&w->delays, &w->n_delays);
}

/* A mount is seen twice, on two ways that have nothing in common. Not where the machine goes down
 * and a claim stands for it: to follow every mount down to the hardware, for every drive, took
 * three times as long as all the rest of the worker. */
static bool carries_no_mount(Worker *w) {
        char why[REASON_MAX] = "";
        int r;

        if (!w->is_live && is_all_its_own(w))
                return true;
        r = mount_guard(w->root_fd, worker_device(w)->address, why, sizeof(why));
        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "whether it is mounted can't be told: %s",
                                   strerror(-r));
        return r == 0 || refuse_step(w, OUTCOME_LEFT, "%s", why);
}

/* How long this process has been ready to run without a processor, since its fork: the second of
 * three numbers, in nanoseconds (Documentation/scheduler/sched-stats.rst). Not every kernel tells.
 */
static bool read_contention(const Worker *w, usec_t *ret_usec) {
        _cleanup_free_ char *text = NULL;
        unsigned long long nsec;

        if (w->schedstat_fd < 0 || file_read_fd(w->schedstat_fd, &text) < 0 ||
            sscanf(text, "%*u %llu", &nsec) != 1)
                return false;
        *ret_usec = nsec / 1000;
        return true;
}

/* write(2) returns when nvme_remove() has: after SHST=10b or after the driver's time-out. */
static bool unbind(Worker *w) {
        const Device *d = worker_device(w);
        usec_t before = 0, after = 0;
        bool is_known;
        int r;

        is_known = read_contention(w, &before);
        driver_log_skip(&w->log);
        /* Set before: a worker that is killed inside has taken it all the same. */
        w->slot->result.is_taken = true;
        r = file_write_fd(w->unbind_fd, d->address);
        if (is_known && read_contention(w, &after))
                w->slot->result.contention_usec = after - before;
        w->slot->result.is_taken = r >= 0;
        if (r == -ENODEV) {
                w->slot->result.is_gone = is_gone(w);
                return refuse_step(w, OUTCOME_VANISHED, "was unbound or removed meanwhile");
        }
        if (r < 0)
                return refuse_step(w, OUTCOME_FAILED, "writing to /%s: %s", UNBIND_PATH,
                                   strerror(-r));
        return true;
}

/* What the first unbinds do to sysfs would slow down the checks of the rest, and even their fork:
 * so nobody goes on before the parent has begun all it could. If it died meanwhile, or is stuck in
 * a fork, then nobody would keep the deadline of what begins here: the kernel's pass does it. */
static bool hold(Worker *w) {
        int r;

        if (w->slot->hold_fd < 0)
                return true;
        r = poll_until(w->slot->hold_fd, usec_now() + HOLD_MAX_USEC);
        if (r > 0 && w->slot->may_go_on)
                return true;
        return refuse_step(w, OUTCOME_LEFT, "not begun: %s",
                           r > 0    ? "the stage's program has died"
                           : r == 0 ? "it took too long to begin the others"
                                    : strerror(-r));
}

static void detach(Worker *w) {
        const Device *d = worker_device(w);
        WorkerSlot *slot = w->slot;

        if (!is_same_controller(w) || !answers_on_bus(w) || !has_planned_vfs(w) ||
            !has_planned_namespaces(w) || !can_unbind(w) || !can_claim(w))
                return;
        find_delays(w);
        if (!hold(w) || !is_quiet(w))
                return;
        worker_enter_phase(slot, PHASE_FSYNC);
        if (!write_back_all(w))
                return;
        /* fsync may have taken its time: look once more at the last moment. */
        if (!has_same_serial(w) || !carries_no_mount(w))
                return;
        if (slot->is_abandoned) {
                step_result_set(&slot->result, OUTCOME_LEFT, "abandoned before the unbind");
                return;
        }
        end_delays(w);
        worker_enter_phase(slot, PHASE_SHUTDOWN);
        if (!unbind(w))
                return;
        drop_claims(w);
        worker_enter_phase(slot, PHASE_VERIFY);
        verify_shutdown(w->root_fd, d->address, d->controller->name, &w->log, &slot->result);
        slot->result.is_gone = slot->result.outcome == OUTCOME_VANISHED && is_gone(w);
}

/* blkdev_fsync() ends in a Flush command where the drive has a volatile cache
 * (blkdev_issue_flush(), 6.1): all that is wanted, without a library that a shutdown would have to
 * load. */
static void flush(Worker *w) {
        const Topology *t = w->topology;
        size_t n_flushed = 0, n_failed = 0;

        worker_enter_phase(w->slot, PHASE_FSYNC);
        for (size_t i = 0; i < t->n_blocks; i++) {
                const Block *block = &t->blocks[i];
                _cleanup_close_ int fd = -1;
                int r;

                if (!belongs_to(block, w->device))
                        continue;
                fd = block_node_open(w->root_fd, block->name, block->devnum, false);
                r = fd < 0 ? fd : fsync(fd) < 0 ? -errno : 0;
                if (r < 0) {
                        step_result_set(&w->slot->result, OUTCOME_LEFT,
                                        "Flush of /dev/%s failed, ignoring: %s", block->name,
                                        block_node_strerror(r));
                        n_failed++;
                } else
                        n_flushed++;
        }
        w->slot->result.is_flushed = n_flushed > 0 && n_failed == 0;
        w->slot->result.outcome = OUTCOME_LEFT;
}

void worker_run(int root_fd, const Topology *topology, size_t device, StepAction action,
                bool is_live, WorkerSlot *slot) {
        Worker w = {
                .root_fd = root_fd,
                .topology = topology,
                .device = device,
                .is_live = is_live,
                .slot = slot,
                .serial_fd = -1,
                .unbind_fd = -1,
                .log = DRIVER_LOG_INIT,
                .schedstat_fd = -1,
        };

        worker_enter_phase(slot, PHASE_CHECK);
        if (action == STEP_DETACH)
                detach(&w);
        else
                flush(&w);
        drop_claims(&w);
        close_all(&w.delays, &w.n_delays);
        close_fd(&w.serial_fd);
        close_fd(&w.unbind_fd);
        driver_log_close(&w.log);
        close_fd(&w.schedstat_fd);
        worker_enter_phase(slot, _PHASE_MAX);
}
