/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps for one controller; see worker.h. */

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
        /* The directories of the PCI function and of the controller in sysfs. They stay those of the
         * device that was looked at first, and a lookup below them costs a third of one from /sys. */
        int function_fd;
        int controller_fd;
        /* These two are opened before the first unbind: each unbind removes files from sysfs under
         * a lock that every path lookup there needs, and among 128 of them a lookup took 300 ms. */
        int serial_fd;
        int unbind_fd;
        int *claims; /* descriptors of the namespaces that no other controller has */
        size_t n_claims;
        int *delays; /* descriptors of the heads' delayed_removal_secs, where it is set */
        size_t n_delays;
        DriverLog log;
        int schedstat_fd;
} Worker;

/* Ends the step with an outcome and its reason. Always false, so that a check can return it. */
#define refuse_step(worker, ...) (step_result_set(&(worker)->slot->result, __VA_ARGS__), false)

static const Device *worker_device(const Worker *w) {
        return &w->topology->devices[w->device];
}

/* Whether the controller, or the physical function that it belongs to, is gone from sysfs. Then
 * the steps that wait for it can no longer disturb it. */
static bool is_gone(const Worker *w) {
        const Device *d = worker_device(w);

        return !pci_is_listed(w->root_fd, d->address) ||
               (d->physfn != TOPOLOGY_NONE &&
                !pci_is_listed(w->root_fd, w->topology->devices[d->physfn].address));
}

/* The descriptor belongs to the controller that was looked at first: if another one has taken its
 * place, reading gives ENODEV, not the other's serial number. */
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

static bool open_function(Worker *w) {
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s", worker_device(w)->address);
        w->function_fd = file_open(w->root_fd, path, O_PATH | O_DIRECTORY);
        if (w->function_fd == -ENOENT) {
                w->slot->result.is_gone = true;
                return refuse_step(w, OUTCOME_VANISHED, "gone from the bus");
        }
        return w->function_fd >= 0 || refuse_step(w, OUTCOME_LEFT, "could not open /%s: %s", path,
                                                  strerror(-w->function_fd));
}

static bool open_controller(Worker *w) {
        const char *name = worker_device(w)->controller->name;
        char path[PATH_MAX];

        (void) snprintf(path, sizeof(path), "nvme/%s", name);
        w->controller_fd = file_open(w->function_fd, path, O_PATH | O_DIRECTORY);
        w->serial_fd = w->controller_fd < 0 ? w->controller_fd
                                            : file_open(w->controller_fd, "serial", O_RDONLY);
        return w->serial_fd >= 0 ||
               refuse_step(w, OUTCOME_LEFT, "%s is no longer at this address: %s", name,
                           strerror(-w->serial_fd));
}

/* A hot-plugged drive may have got the address or the name of another one, so neither is
 * trusted. */
static bool is_same_controller(Worker *w) {
        _cleanup_free_ char *driver = NULL;
        int r;

        if (!open_function(w))
                return false;
        r = file_link_name(w->function_fd, ".", "driver", &driver);
        if (r < 0 || !STREQ(driver, "nvme"))
                return refuse_step(w, OUTCOME_LEFT, "no longer bound to nvme but to %s",
                                   r < 0 ? "no driver" : driver);
        return open_controller(w) && has_same_serial(w);
}

/* Each worker opens unbind itself: a shared descriptor would serialize all writes (kernfs
 * of->mutex). */
static bool open_unbind(Worker *w) {
        driver_log_open(w->root_fd, &w->log);
        w->schedstat_fd = file_open(w->root_fd, "proc/self/schedstat", O_RDONLY);
        w->unbind_fd = file_open(w->root_fd, UNBIND_PATH, O_WRONLY);
        return w->unbind_fd >= 0 || refuse_step(w, OUTCOME_LEFT, "could not open /%s: %s",
                                                UNBIND_PATH, strerror(-w->unbind_fd));
}

/* A drive that was pulled reads as all ones, in its configuration space too. It completes no
 * command: an fsync() would wait for nvme_core.io_timeout (30 s), while the kernel's pass sees at
 * once that it is dead (nvme_dev_disable(), 6.1). If the configuration space can't be read, later
 * steps find out. */
static bool answers_on_bus(Worker *w) {
        int r = pci_presence_at(w->function_fd);

        if (r > 0 || (r < 0 && pci_is_listed(w->root_fd, worker_device(w)->address)))
                return true;
        w->slot->result.is_gone = is_gone(w);
        return refuse_step(w, OUTCOME_VANISHED, "it no longer answers on the bus");
}

/* Shutting down a physical function ends its virtual functions, and the plan does not know one that
 * was created later. */
static bool has_planned_vfs(Worker *w) {
        const Device *d = worker_device(w);
        _cleanup_free_ char *text = NULL;
        int r = file_read(w->function_fd, "sriov_numvfs", &text);

        if (r == -ENOENT && d->n_vfs == 0)
                return true;
        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "could not count its virtual functions: %s",
                                   strerror(-r));
        return strtoul(text, NULL, 10) == d->n_vfs ||
               refuse_step(w, OUTCOME_LEFT, "it has %s virtual functions, the plan knows %u", text,
                           d->n_vfs);
}

/* What the controller's own directory in sysfs lists: its disks, or its paths to multipath
 * heads. */
typedef struct Namespaces {
        size_t n;
        uint64_t n_sectors;
        bool is_busy; /* reads or writes are under way */
} Namespaces;

/* with_sectors: read the I/O counters of each namespace, too. */
static bool count_namespaces(Worker *w, bool with_sectors, Namespaces *ret) {
        _cleanup_closedir_ DIR *dir = NULL;
        Namespaces seen = {};
        char path[NAME_MAX + 8];
        const char *name;
        int r;

        r = file_opendir(w->controller_fd, ".", &dir);
        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "could not list its namespaces: %s",
                                   strerror(-r));
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
                        return refuse_step(w, OUTCOME_LEFT, "could not read its I/O counters: %s",
                                           strerror(-r));
                seen.n_sectors += n_sectors;
                seen.is_busy |= is_busy;
        }
        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "could not list its namespaces: %s",
                                   strerror(-r));
        *ret = seen;
        return true;
}

/* The plan does not know a namespace that was attached later. */
static bool has_planned_namespaces(Worker *w, const Namespaces *seen) {
        size_t planned = 0;

        for (size_t i = 0; i < w->topology->n_blocks; i++)
                planned += block_leads_to(&w->topology->blocks[i], w->device);
        return seen->n == planned ||
               refuse_step(w, OUTCOME_LEFT, "it has %zu namespaces, the plan knows %zu", seen->n,
                           planned);
}

/* Whether no other controller has any of its namespaces, so that the worker can claim each. */
static bool owns_all_namespaces(const Worker *w) {
        for (size_t i = 0; i < w->topology->n_blocks; i++)
                if (block_leads_to(&w->topology->blocks[i], w->device) &&
                    w->topology->blocks[i].n_controllers != 1)
                        return false;
        return true;
}

/* The safety net below all other checks: a user in the kernel that claims nothing and shows up
 * nowhere still reads and writes. The survey and this worker do neither. The worker of another path
 * to a shared head writes nothing either, as an idle head has no dirty pages; but its Flush may be
 * under way, so that a request under way proves no user there. */
static bool is_idle(Worker *w, const Namespaces *seen) {
        return (seen->n_sectors == worker_device(w)->controller->n_sectors &&
                (!seen->is_busy || !owns_all_namespaces(w))) ||
               refuse_step(w, OUTCOME_LEFT, "it was read or written since the plan was made");
}

static bool are_namespaces_idle(Worker *w) {
        const bool with_sectors = worker_device(w)->controller->n_sectors != UINT64_MAX;
        Namespaces seen;

        return count_namespaces(w, with_sectors, &seen) && has_planned_namespaces(w, &seen) &&
               (!with_sectors || is_idle(w, &seen));
}

/* Writes one block device back. *ret_fd keeps the claim; the caller closes it. */
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
                return refuse_step(w, OUTCOME_LEFT, "fsync of /dev/%s failed: %s", block->name,
                                   strerror(error));
        }
        *ret_fd = fd;
        return true;
}

/* A partition has a page cache of its own, apart from the disk's, so each needs its own fsync(). */
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

/* The claim on a disk covers its partitions (bd_may_claim(), 6.1). It is kept until the unbind has
 * returned, so that nothing can mount the disk in between. A shared multipath head is not claimed,
 * as the workers of its other controllers use it too; the survey has tried to claim it. */
static bool write_back_all(Worker *w) {
        const Topology *t = w->topology;

        for (size_t i = 0; i < t->n_blocks; i++) {
                const Block *block = &t->blocks[i];
                int fd = -1;

                if (!block_leads_to(block, w->device))
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

/* An open descriptor keeps the dead controller in its subsystem, so none is kept after the
 * unbind. */
static void drop_claims(Worker *w) {
        close_all(&w->claims, &w->n_claims);
}

static bool allocate_lists(Worker *w) {
        w->claims = calloc(w->topology->n_blocks + 1, sizeof(int));
        w->delays = calloc(w->topology->n_blocks + 1, sizeof(int));
        return (w->claims && w->delays) || refuse_step(w, OUTCOME_LEFT, "%s", strerror(ENOMEM));
}

/* Returns a descriptor of the head's delayed_removal_secs; -ENOENT: it is 0, this is no head, or
 * the kernel has no such attribute (6.12); or another -errno. */
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

/* A head may outlive its last path by that many seconds, and queues all requests meanwhile in case
 * the link comes back (nvme_mpath_remove_disk(), nvme_available_path(), 7.1). At a shutdown no link
 * comes back, and an exitrd that searches every disk for volumes would wait all that time. In a
 * rehearsal the drive does come back. */
static void open_delays(Worker *w) {
        const Topology *t = w->topology;

        for (size_t i = 0; i < t->n_blocks && !w->is_live; i++) {
                int fd;

                if (!block_leads_to(&t->blocks[i], w->device))
                        continue;
                fd = open_delay(w->root_fd, t->blocks[i].name);
                if (fd >= 0)
                        w->delays[w->n_delays++] = fd;
                else if (fd != -ENOENT)
                        log_debug("delayed_removal_secs of %s: %s, ignoring.", t->blocks[i].name,
                                  strerror(-fd));
        }
}

/* Called when no check can fail any more, so that a controller that is left keeps its delay. */
static void end_delays(Worker *w) {
        for (size_t i = 0; i < w->n_delays; i++) {
                int r = file_write_fd(w->delays[i], "0");

                if (r < 0)
                        log_debug("delayed_removal_secs of a namespace of %s: %s, ignoring.",
                                  worker_device(w)->controller->name, strerror(-r));
        }
        close_all(&w->delays, &w->n_delays);
}

/* Looks for mounts a second time, in a way that has nothing in common with the survey's. This is
 * left out where the machine goes down and claims rule mounts out: following every mount down to
 * the hardware, for every drive, took three times as long as the rest of the worker. */
static bool carries_no_mount(Worker *w) {
        char why[REASON_MAX] = "";
        int r;

        if (!w->is_live && owns_all_namespaces(w))
                return true;
        r = mount_guard(w->root_fd, worker_device(w)->address, why, sizeof(why));
        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "could not tell whether it is mounted: %s",
                                   strerror(-r));
        return r == 0 || refuse_step(w, OUTCOME_LEFT, "%s", why);
}

/* How long this process has waited for a processor since its fork: the second of three numbers, in
 * nanoseconds (Documentation/scheduler/sched-stats.rst). Returns false if the kernel does not
 * tell. */
static bool read_contention(const Worker *w, usec_t *ret_usec) {
        _cleanup_free_ char *text = NULL;
        unsigned long long nsec;

        if (w->schedstat_fd < 0 || file_read_fd(w->schedstat_fd, &text) < 0 ||
            sscanf(text, "%*u %llu", &nsec) != 1)
                return false;
        *ret_usec = nsec / 1000;
        return true;
}

/* write(2) returns after nvme_remove(): at SHST=10b, or when the driver's time-out has passed. */
static bool unbind_controller(Worker *w) {
        const Device *d = worker_device(w);
        usec_t before = 0, after = 0;
        bool is_known;
        int r;

        is_known = read_contention(w, &before);
        driver_log_skip(&w->log);
        /* From here on the parent may end: nothing between this and the write may take time. */
        worker_enter_phase(w->slot, PHASE_SHUTDOWN);
        /* Set before the write: the controller is unbound even if the worker is killed in it. */
        w->slot->result.is_taken = true;
        r = file_write_fd(w->unbind_fd, d->address);
        if (is_known && read_contention(w, &after))
                w->slot->result.contention_usec = after - before;
        w->slot->result.is_taken = r >= 0;
        if (r == -ENODEV) {
                w->slot->result.is_gone = is_gone(w);
                return refuse_step(w, OUTCOME_VANISHED,
                                   "it was unbound or removed in the meantime");
        }
        if (r < 0)
                return refuse_step(w, OUTCOME_FAILED, "could not write to /%s: %s", UNBIND_PATH,
                                   strerror(-r));
        return true;
}

/* The first unbinds hold a lock in sysfs, which would slow down the checks of the other workers, and
 * even their forks. So no worker goes on until the parent has started all it could. If the parent
 * has died or is stuck in a fork, it can't keep the deadline, and the kernel's pass has to take
 * this controller. */
static bool wait_for_parent(Worker *w) {
        int r;

        if (w->slot->hold_fd < 0)
                return true;
        r = poll_until(w->slot->hold_fd, usec_now() + HOLD_MAX_USEC);
        if (r < 0)
                return refuse_step(w, OUTCOME_LEFT, "not started: %s", strerror(-r));
        if (r == 0)
                return refuse_step(w, OUTCOME_LEFT,
                                   "not started: it took too long to start the others");
        return w->slot->may_go_on ||
               refuse_step(w, OUTCOME_LEFT, "not started: the stage's program has died");
}

static void detach_controller(Worker *w) {
        const Device *d = worker_device(w);
        WorkerSlot *slot = w->slot;

        if (!is_same_controller(w) || !answers_on_bus(w) || !has_planned_vfs(w) ||
            !open_unbind(w) || !allocate_lists(w))
                return;
        open_delays(w);
        if (!wait_for_parent(w) || !are_namespaces_idle(w))
                return;
        worker_enter_phase(slot, PHASE_FSYNC);
        if (!write_back_all(w))
                return;
        /* fsync() may have taken minutes: check once more at the last moment. */
        if (!has_same_serial(w) || !carries_no_mount(w))
                return;
        if (slot->is_abandoned) {
                step_result_set(&slot->result, OUTCOME_LEFT, "abandoned before the unbind");
                return;
        }
        end_delays(w);
        if (!unbind_controller(w))
                return;
        /* Otherwise the end of the worker is soon enough. */
        if (w->is_live)
                drop_claims(w);
        worker_enter_phase(slot, PHASE_VERIFY);
        verify_shutdown(w->root_fd, d->address, d->controller->name, &w->log, &slot->result);
        slot->result.is_gone = slot->result.outcome == OUTCOME_VANISHED && is_gone(w);
}

/* blkdev_fsync() ends in a Flush command if the drive has a volatile cache (blkdev_issue_flush(),
 * 6.1). That needs no library, which a shutdown would have to load. */
static void flush_controller(Worker *w) {
        const Topology *t = w->topology;
        size_t n_flushed = 0, n_failed = 0;

        worker_enter_phase(w->slot, PHASE_FSYNC);
        for (size_t i = 0; i < t->n_blocks; i++) {
                const Block *block = &t->blocks[i];
                _cleanup_close_ int fd = -1;
                int r;

                if (!block_leads_to(block, w->device))
                        continue;
                fd = block_node_open(w->root_fd, block->name, block->devnum, false);
                r = fd < 0 ? fd : fsync(fd) < 0 ? -errno : 0;
                if (r < 0) {
                        step_result_set(&w->slot->result, OUTCOME_LEFT,
                                        "Flush of /dev/%s failed, ignoring: %s", block->name,
                                        block_node_strerror(r));
                        n_failed++;
                        continue;
                }
                n_flushed++;
        }
        w->slot->result.is_flushed = n_flushed > 0 && n_failed == 0;
        w->slot->result.outcome = OUTCOME_LEFT;
}

static void worker_done(Worker *w) {
        drop_claims(w);
        close_all(&w->delays, &w->n_delays);
        close_fd(&w->function_fd);
        close_fd(&w->controller_fd);
        close_fd(&w->serial_fd);
        close_fd(&w->unbind_fd);
        driver_log_close(&w->log);
        close_fd(&w->schedstat_fd);
}

void worker_run(int root_fd, const Topology *topology, size_t device, StepAction action,
                bool is_live, WorkerSlot *slot) {
        Worker w = {
                .root_fd = root_fd,
                .topology = topology,
                .device = device,
                .is_live = is_live,
                .slot = slot,
                .function_fd = -1,
                .controller_fd = -1,
                .serial_fd = -1,
                .unbind_fd = -1,
                .log = DRIVER_LOG_INIT,
                .schedstat_fd = -1,
        };

        worker_enter_phase(slot, PHASE_CHECK);
        if (action == STEP_DETACH)
                detach_controller(&w);
        else
                flush_controller(&w);
        worker_enter_phase(slot, _PHASE_MAX);
        if (slot->tell)
                slot->tell(slot->tell_context);
        worker_done(&w);
}
