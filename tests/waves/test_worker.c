/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <libnvme.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/poll_until.h"
#include "fake_root.h"
#include "mock_nodes.h"
#include "topology_builder.h"
#include "waves/worker.h"

/* What the kernel shows of the register file. */
#define REGISTERS_SIZE 4096
#define ADDRESS "0000:01:00.0"
#define PCI "sys/bus/pci/devices/" ADDRESS
#define MOUNTINFO "proc/self/mountinfo"
#define UNBIND "sys/bus/pci/drivers/nvme/unbind"
#define DELAY "sys/class/block/nvme0n1/delayed_removal_secs"

#define CSTS_COMPLETE 0x9
#define CSTS_READY 0x1
#define COMPLAINT "4,77,5678901,-;nvme nvme0: Device not ready; aborting shutdown, CSTS=0x1\n"

/* How the fake kernel reacts to a write to unbind, and what it has seen. */
static struct {
        int error;
        bool keeps_driver;
        bool removes_device;
        bool complains;
        const char *schedstat; /* during the unbind */
        bool has_complained_at_fsync;
        uint32_t csts;
        unsigned n_writes;
        unsigned n_delays_ended;
        unsigned n_delays_ended_before;
        int delay_error;
        unsigned n_fsyncs_before;
        bool had_open_nodes;
        bool was_taken;
        bool had_begun;
        bool had_begun_at_fsync;
        int fsync_error;
        bool swaps_drive_at_fsync;
        bool pulls_drive_at_serial;
        unsigned n_fsyncs;
} kernel;

static Topology topology;
static WorkerSlot slot;
static bool is_live;

static void log_complaint(void) {
        int fd = open(fake_root_path("dev/kmsg"), O_WRONLY | O_APPEND | O_CLOEXEC);

        cr_assert(fd >= 0);
        cr_assert(syscall(SYS_write, fd, COMPLAINT, strlen(COMPLAINT)) > 0);
        (void) close(fd);
}

static bool leads_to(int fd, const char *path) {
        struct stat a, b;

        return fstatat(fd, "", &a, AT_EMPTY_PATH) == 0 && stat(fake_root_path(path), &b) == 0 &&
               a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static bool has_open_nodes(void) {
        bool found = false;

        for (int fd = 3; fd < 256; fd++)
                found = found || leads_to(fd, "dev/nvme0n1") || leads_to(fd, "dev/nvme0n1p1") ||
                        leads_to(fd, DELAY);
        return found;
}

static void write_csts(uint32_t csts) {
        uint32_t registers[REGISTERS_SIZE / sizeof(uint32_t)] = {};

        registers[NVME_REG_CSTS / sizeof(uint32_t)] = csts;
        fake_root_write_binary(PCI "/resource0", registers, sizeof(registers));
}

static ssize_t end_delay(const void *data, size_t size) {
        cr_assert(size == 1 && memcmp(data, "0", 1) == 0);
        kernel.n_delays_ended++;
        errno = kernel.delay_error;
        return kernel.delay_error ? -1 : 1;
}

/* Replaces write(2) to unbind and delayed_removal_secs; other writes are real. */
ssize_t write(int fd, const void *data, size_t size) {
        if (root_fd > 0 && leads_to(fd, DELAY))
                return end_delay(data, size);
        if (root_fd <= 0 || !leads_to(fd, UNBIND))
                return syscall(SYS_write, fd, data, size);
        cr_assert(size == strlen(ADDRESS) && memcmp(data, ADDRESS, size) == 0);
        kernel.n_writes++;
        kernel.n_fsyncs_before = kernel.n_fsyncs;
        kernel.n_delays_ended_before = kernel.n_delays_ended;
        kernel.had_open_nodes = has_open_nodes();
        kernel.was_taken = slot.result.is_taken;
        kernel.had_begun = slot.has_begun;
        if (kernel.error) {
                errno = kernel.error;
                return -1;
        }
        if (kernel.complains)
                log_complaint();
        if (kernel.schedstat)
                fake_root_write("proc/self/schedstat", kernel.schedstat);
        if (!kernel.keeps_driver)
                fake_root_remove(PCI "/driver");
        if (kernel.removes_device)
                fake_root_remove(PCI);
        else if (kernel.csts != CSTS_COMPLETE)
                write_csts(kernel.csts);
        return (ssize_t) size;
}

/* Serves attributes; the drive may be pulled as its serial number has just been read. */
ssize_t pread(int fd, void *buffer, size_t size, off_t offset) {
        ssize_t n = syscall(SYS_pread64, fd, buffer, size, offset);

        if (kernel.pulls_drive_at_serial && leads_to(fd, PCI "/nvme/nvme0/serial"))
                fake_root_remove(PCI);
        return n;
}

int fsync(int fd) {
        kernel.n_fsyncs++;
        kernel.had_begun_at_fsync = slot.has_begun;
        if (kernel.has_complained_at_fsync)
                log_complaint();
        if (kernel.swaps_drive_at_fsync)
                fake_root_write(PCI "/nvme/nvme0/serial", "OTHER\n");
        errno = kernel.fsync_error;
        return kernel.fsync_error ? -1 : 0;
}

static void add_namespace(const char *name, dev_t devnum) {
        char path[128];
        ssize_t block = topology_add_block(&topology, BLOCK_NAMESPACE, name, devnum);

        cr_assert(block >= 0 && topology_link_controller(&topology, (size_t) block, 0) == 0);
        (void) snprintf(path, sizeof(path), PCI "/nvme/nvme0/%s/stat", name);
        fake_root_write(path, "30 1 240 7 4 0 32 9 0 5 16 2 0 64 1 12 3\n");
        topology.devices[0].controller->n_sectors += 240 + 32 + 64;
        mock_nodes_add(name, S_IFBLK, devnum);
}

static void add_partition(const char *name, dev_t devnum) {
        ssize_t block = topology_add_block(&topology, BLOCK_PARTITION, name, devnum);

        cr_assert(block >= 0 && topology_link_user(&topology, 0, (size_t) block) == 0);
        mock_nodes_add(name, S_IFBLK, devnum);
}

/* An idle controller with one namespace and one partition; the kernel will shut it down cleanly. */
static void setup(void) {
        fake_root_start();
        fake_root_write(UNBIND, "");
        fake_root_write("dev/null", "");
        fake_root_write(MOUNTINFO, "21 1 0:20 / / rw shared:1 - tmpfs tmpfs rw\n");
        fake_root_link(PCI "/driver", "../../drivers/nvme");
        fake_root_write(PCI "/nvme/nvme0/serial", "S-nvme0             \n");
        fake_root_write(PCI "/resource",
                        "0x00000000fe000000 0x00000000fe003fff 0x0000000000140204\n");
        fake_root_write_binary(PCI "/config", (const uint8_t[64]){ 0x36, 0x1b }, 64);
        write_csts(CSTS_COMPLETE);
        kernel.csts = CSTS_COMPLETE;
        (void) build_nvme(&topology, "nvme0", ADDRESS, NULL);
        add_namespace("nvme0n1", makedev(259, 0));
        add_partition("nvme0n1p1", makedev(259, 1));
        worker_slot_init(&slot);
}

static void teardown(void) {
        mock_nodes_forget();
        topology_done(&topology);
        fake_root_done();
}

static void run_worker(void) {
        worker_run(root_fd, &topology, 0, STEP_DETACH, is_live, &slot);
}

static void expect_untouched(Outcome outcome, const char *reason) {
        cr_expect(eq(uint, kernel.n_writes, 0));
        cr_expect(not(slot.result.is_taken));
        cr_expect(eq(int, slot.result.outcome, outcome));
        cr_expect(eq(str, slot.result.reason, (char *) reason));
}

TestSuite(worker, .init = setup, .fini = teardown, .timeout = 10);

static void mount_it(void) {
        fake_root_write(MOUNTINFO, "21 1 259:1 / / rw shared:1 - ext4 /dev/root rw\n");
        fake_root_link("sys/dev/block/259:1",
                       "../../devices/pci0000:00/" ADDRESS "/nvme/nvme0/nvme0n1/nvme0n1p1");
}

/* Although the topology, and so the plan, does not know about the mount. */
Test(worker, leaves_the_root_of_a_live_machine) {
        is_live = true;
        mount_it();
        run_worker();
        expect_untouched(OUTCOME_LEFT, "a block device on this controller is mounted on /");
}

Test(worker, leaves_a_mounted_head_that_no_worker_can_claim) {
        cr_assert(eq(int, topology_link_controller(&topology, 0, 1), 0));
        mount_it();
        run_worker();
        expect_untouched(OUTCOME_LEFT, "a block device on this controller is mounted on /");
}

Test(worker, a_claim_is_enough_where_the_machine_goes_down) {
        fake_root_remove(MOUNTINFO);
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
}

Test(worker, leaves_a_controller_when_mounts_can_not_be_read) {
        is_live = true;
        fake_root_remove(MOUNTINFO);
        run_worker();
        expect_untouched(OUTCOME_LEFT,
                         "could not tell whether it is mounted: No such file or directory");
}

Test(worker, detaches_an_idle_controller) {
        run_worker();
        cr_expect(eq(uint, kernel.n_writes, 1));
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        cr_expect(slot.result.is_taken);
        /* Set in advance, in case the worker is killed in the write. */
        cr_expect(kernel.was_taken);
        cr_expect(eq(str, slot.result.reason, ""));
        cr_expect(ge(u64, slot.result.ended_usec, slot.result.started_usec));
}

/* That is not the drive's time. In nanoseconds; only the increase during the unbind counts. */
Test(worker, measures_how_long_the_unbind_waited_for_a_processor) {
        fake_root_write("proc/self/schedstat", "7000000 3000000 12\n");
        kernel.schedstat = "9000000 8001000 15\n";
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        cr_expect(eq(u64, slot.result.contention_usec, 5001));
}

Test(worker, does_without_schedstat) {
        fake_root_write("proc/self/schedstat", "nonsense\n");
        kernel.schedstat = "9000000 8001000 15\n";
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        cr_expect(eq(u64, slot.result.contention_usec, 0));
}

/* Without that, data written to the page cache of the raw device is lost. */
Test(worker, writes_namespace_and_partition_back_before_the_unbind) {
        run_worker();
        cr_expect(eq(uint, kernel.n_fsyncs_before, 2));
        cr_expect(eq(uint, mock_nodes_count_opens("nvme0n1"), 1));
        cr_expect(eq(uint, mock_nodes_count_opens("nvme0n1p1"), 1));
}

/* Data on a file system that was mounted between the last check and the unbind was lost. */
Test(worker, holds_its_claim_until_the_unbind_has_returned) {
        run_worker();
        cr_expect(eq(uint, kernel.n_writes, 1));
        cr_expect(kernel.had_open_nodes);
        cr_expect(not(has_open_nodes()));
}

/* Each of its controllers' workers would wait for the others to close it. */
Test(worker, holds_no_shared_head_open_during_the_unbind) {
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        cr_assert(eq(int, topology_link_controller(&topology, 0, 1), 0));
        run_worker();
        cr_expect(eq(uint, kernel.n_writes, 1));
        cr_expect(not(kernel.had_open_nodes));
}

/* It would queue requests, and a program that looks for volumes reads every disk (7.1). */
Test(worker, a_head_goes_with_its_last_path) {
        fake_root_write(DELAY, "30\n");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        cr_expect(eq(uint, kernel.n_delays_ended_before, 1));
        cr_expect(eq(uint, kernel.n_delays_ended, 1));
}

Test(worker, a_shared_head_goes_with_its_last_path_too) {
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        cr_assert(eq(int, topology_link_controller(&topology, 0, 1), 0));
        fake_root_write(DELAY, "30\n");
        run_worker();
        cr_expect(eq(uint, kernel.n_delays_ended_before, 1));
}

Test(worker, a_head_without_a_delay_is_not_written_to) {
        fake_root_write(DELAY, "0\n");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        cr_expect(eq(uint, kernel.n_delays_ended, 0));
}

/* Its users then wait for it instead of failing. */
Test(worker, a_head_of_a_live_machine_keeps_its_delay) {
        is_live = true;
        fake_root_write(DELAY, "30\n");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        cr_expect(eq(uint, kernel.n_delays_ended, 0));
}

Test(worker, a_head_of_a_controller_that_is_left_keeps_its_delay) {
        fake_root_write(DELAY, "30\n");
        kernel.fsync_error = EIO;
        run_worker();
        expect_untouched(OUTCOME_LEFT, "fsync of /dev/nvme0n1 failed: Input/output error");
        worker_slot_init(&slot);
        kernel.fsync_error = 0;
        slot.is_abandoned = true;
        run_worker();
        expect_untouched(OUTCOME_LEFT, "abandoned before the unbind");
        cr_expect(eq(uint, kernel.n_delays_ended, 0));
        cr_expect(not(has_open_nodes()));
}

Test(worker, a_delay_that_can_not_be_ended_is_ignored) {
        fake_root_write(DELAY, "30\n");
        kernel.delay_error = EIO;
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        cr_expect(eq(uint, kernel.n_delays_ended, 1));
        worker_slot_init(&slot);
        fake_root_link(PCI "/driver", "../../drivers/nvme");
        fake_root_remove(DELAY);
        fake_root_write(DELAY "/x", "");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
}

static void write_stat(const char *text) {
        fake_root_write(PCI "/nvme/nvme0/nvme0n1/stat", text);
}

/* Users in the kernel that hold no claim show up nowhere else (LIO, rnbd, ocfs2). */
Test(worker, leaves_a_controller_that_was_read_or_written_since_the_survey) {
        static const char *const stats[] = {
                "31 1 248 7 4 0 32 9 0 5 16 2 0 64 1 12 3", /* one read */
                "30 1 240 7 5 0 40 9 0 5 16 2 0 64 1 12 3", /* one write */
                "30 1 240 7 4 0 32 9 0 5 16 3 0 72 1 12 3", /* one discard */
                "30 1 240 7 4 0 32 9 1 5 16 2 0 64 1 12 3", /* one under way */
        };

        for (size_t i = 0; i < ARRAY_SIZE(stats); i++) {
                worker_slot_init(&slot);
                write_stat(stats[i]);
                run_worker();
                expect_untouched(OUTCOME_LEFT, "it was read or written since the plan was made");
                cr_expect(eq(uint, kernel.n_fsyncs, 0));
        }
}

/* The worker of another path may have sent it. A drive without a cache counts it as a write. */
Test(worker, the_flush_of_another_worker_is_no_use) {
        write_stat("30 1 240 7 5 0 32 9 0 5 16 2 0 64 1 13 3");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
}

/* The Flush of virtual functions' workers used to keep the physical function from being
 * detached. */
Test(worker, a_request_under_way_on_a_shared_head_may_be_ours) {
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        cr_assert(eq(int, topology_link_controller(&topology, 0, 1), 0));
        write_stat("30 1 240 7 4 0 32 9 1 5 16 2 0 64 1 12 3");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        worker_slot_init(&slot);
        fake_root_link(PCI "/driver", "../../drivers/nvme");
        write_stat("30 1 240 7 5 0 40 9 0 5 16 2 0 64 1 12 3");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_LEFT));
}

Test(worker, leaves_a_controller_without_io_counters) {
        fake_root_remove(PCI "/nvme/nvme0/nvme0n1/stat");
        run_worker();
        expect_untouched(OUTCOME_LEFT,
                         "could not read its I/O counters: No such file or directory");
}

Test(worker, does_not_compare_counters_that_the_survey_could_not_read) {
        topology.devices[0].controller->n_sectors = UINT64_MAX;
        fake_root_remove(PCI "/nvme/nvme0/nvme0n1/stat");
        fake_root_write(PCI "/nvme/nvme0/nvme0n1/size", "2048\n");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
}

Test(worker, leaves_a_namespace_that_was_claimed_since_the_plan) {
        mock_nodes_fail("nvme0n1", EBUSY);
        run_worker();
        expect_untouched(OUTCOME_LEFT, "/dev/nvme0n1 was claimed after the plan was made");
}

/* The workers of a multipath head's controllers must not refuse each other. */
Test(worker, does_not_claim_a_head_that_it_shares) {
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        cr_assert(eq(int, topology_link_controller(&topology, 0, 1), 0));
        mock_nodes_fail("nvme0n1", EBUSY);
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
}

Test(worker, leaves_a_controller_that_can_not_be_written_back) {
        kernel.fsync_error = EIO;
        run_worker();
        expect_untouched(OUTCOME_LEFT, "fsync of /dev/nvme0n1 failed: Input/output error");
}

Test(worker, leaves_a_namespace_whose_node_is_missing) {
        fake_root_remove("dev/nvme0n1");
        run_worker();
        expect_untouched(OUTCOME_LEFT, "/dev/nvme0n1: the node is missing");
}

Test(worker, leaves_a_partition_whose_node_is_missing) {
        fake_root_remove("dev/nvme0n1p1");
        run_worker();
        expect_untouched(OUTCOME_LEFT, "/dev/nvme0n1p1: the node is missing");
}

Test(worker, leaves_a_node_that_leads_to_another_device) {
        topology.blocks[0].devnum = makedev(8, 0);
        run_worker();
        expect_untouched(OUTCOME_LEFT, "/dev/nvme0n1: the node is another device");
}

Test(worker, leaves_a_node_that_may_not_be_opened) {
        mock_nodes_fail("nvme0n1", EACCES);
        run_worker();
        expect_untouched(OUTCOME_LEFT, "/dev/nvme0n1: Permission denied");
}

/* The plan has the serial number without its padding. */
Test(worker, knows_a_serial_number_with_blanks_in_front) {
        fake_root_write(PCI "/nvme/nvme0/serial", "             S-nvme0\n");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED), "%s", slot.result.reason);
}

Test(worker, leaves_another_controller_at_the_address) {
        fake_root_write(PCI "/nvme/nvme0/serial", "OTHER\n");
        run_worker();
        expect_untouched(OUTCOME_LEFT, "another controller is at this address: serial OTHER");
}

/* fsync() may take minutes, so the serial number is checked again after it. */
Test(worker, leaves_another_controller_that_came_during_the_fsync) {
        kernel.swaps_drive_at_fsync = true;
        run_worker();
        expect_untouched(OUTCOME_LEFT, "another controller is at this address: serial OTHER");
}

Test(worker, leaves_an_address_whose_controller_got_another_name) {
        fake_root_remove(PCI "/nvme/nvme0");
        fake_root_write(PCI "/nvme/nvme7/serial", "S-nvme0\n");
        run_worker();
        expect_untouched(OUTCOME_LEFT,
                         "nvme0 is no longer at this address: No such file or directory");
}

Test(worker, leaves_a_controller_that_another_driver_has_taken) {
        fake_root_remove(PCI "/driver");
        fake_root_link(PCI "/driver", "../../drivers/vfio-pci");
        run_worker();
        expect_untouched(OUTCOME_LEFT, "no longer bound to nvme but to vfio-pci");
}

Test(worker, leaves_a_controller_without_a_driver) {
        fake_root_remove(PCI "/driver");
        run_worker();
        expect_untouched(OUTCOME_LEFT, "no longer bound to nvme but to no driver");
}

Test(worker, reports_a_controller_that_is_gone) {
        fake_root_remove(PCI);
        run_worker();
        expect_untouched(OUTCOME_VANISHED, "gone from the bus");
        cr_expect(slot.result.is_gone);
}

Test(worker, leaves_a_controller_that_got_another_namespace) {
        fake_root_write(PCI "/nvme/nvme0/nvme0n2/stat", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
        run_worker();
        expect_untouched(OUTCOME_LEFT, "it has 2 namespaces, the plan knows 1");
}

Test(worker, detaches_a_controller_without_namespaces) {
        topology.blocks[0].n_controllers = 0;
        topology.devices[0].controller->n_sectors = 0;
        fake_root_remove(PCI "/nvme/nvme0/nvme0n1");
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        cr_expect(eq(uint, kernel.n_fsyncs, 0));
}

Test(worker, an_abandoned_worker_does_not_unbind) {
        slot.is_abandoned = true;
        run_worker();
        expect_untouched(OUTCOME_LEFT, "abandoned before the unbind");
        cr_expect(not(slot.has_begun));
}

/* From then on the stage may end, so it must not be before the last check. */
Test(worker, begins_right_before_the_write_to_unbind_and_wakes_the_parent) {
        uint64_t count = 0;

        slot.begun_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        run_worker();
        cr_expect(not(kernel.had_begun_at_fsync));
        cr_expect(kernel.had_begun);
        cr_expect(eq(sz, (size_t) read(slot.begun_fd, &count, sizeof(count)), sizeof(count)));
        cr_expect(eq(u64, count, 1));
        (void) close(slot.begun_fd);
}

Test(worker, one_that_is_left_never_begins) {
        kernel.fsync_error = EIO;
        run_worker();
        cr_expect(not(slot.has_begun));
}

struct verdict_row {
        int error;
        uint32_t csts;
        bool keeps_driver, removes_device;
        Outcome outcome;
        char reason[96];
};

/* write(2) does not tell how the shutdown went. */
ParameterizedTestParameters(worker, judges_by_the_registers) {
        static struct verdict_row rows[] = {
                { 0, 0x9, false, false, OUTCOME_DETACHED, "" },
                { 0, 0x8, false, false, OUTCOME_DETACHED, "" },
                { 0, 0xb, false, false, OUTCOME_DETACHED, "" },
                { 0, 0x5, false, false, OUTCOME_FAILED,
                  "the kernel gave up waiting for the shutdown to complete, CSTS=0x5" },
                { 0, 0x1, false, false, OUTCOME_FAILED, "no shutdown was started, CSTS=0x1" },
                { 0, 0x3, false, false, OUTCOME_FAILED, "controller fatal status, CSTS=0x3" },
                { 0, 0xffffffff, false, false, OUTCOME_UNVERIFIED,
                  "its registers read as all ones, though it answers on the bus" },
                { 0, 0x9, true, false, OUTCOME_FAILED, "still bound to nvme" },
                { 0, 0x9, false, true, OUTCOME_VANISHED, "gone from the bus" },
                { ENODEV, 0x9, false, false, OUTCOME_VANISHED,
                  "it was unbound or removed in the meantime" },
                { EACCES, 0x9, false, false, OUTCOME_FAILED,
                  "could not write to /sys/bus/pci/drivers/nvme/unbind: Permission denied" },
        };

        return cr_make_param_array(struct verdict_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct verdict_row *row, worker, judges_by_the_registers) {
        kernel.error = row->error;
        kernel.csts = row->csts;
        kernel.keeps_driver = row->keeps_driver;
        kernel.removes_device = row->removes_device;
        run_worker();
        cr_expect(eq(uint, kernel.n_writes, 1));
        cr_expect(eq(int, slot.result.outcome, row->outcome));
        cr_expect(eq(str, slot.result.reason, row->reason));
        cr_expect(eq(int, slot.result.is_verified, row->outcome == OUTCOME_DETACHED));
        cr_expect(eq(int, slot.result.is_taken, row->error == 0));
}

/* The driver's complaints count from the unbind on; earlier ones do not. */
Test(worker, reads_the_kernel_log_from_the_unbind_on) {
        fake_root_remove(PCI "/resource0");
        fake_root_write("dev/kmsg", COMPLAINT);
        kernel.has_complained_at_fsync = true;
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
        cr_expect(not(slot.result.is_verified));
        cr_expect(eq(str, slot.result.reason, "by the driver's word (No such file or directory)"));
}

Test(worker, hears_the_driver_complain_during_the_unbind) {
        fake_root_remove(PCI "/resource0");
        fake_root_write("dev/kmsg", COMPLAINT);
        kernel.complains = true;
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_FAILED));
        cr_expect(eq(str, slot.result.reason, "the driver reports an incomplete shutdown"));
}

static struct {
        bool is_asked;
        unsigned n_fsyncs_before;
        int answer; /* returned by poll_until() */
} held;

int poll_until(int fd, usec_t deadline) {
        held.is_asked = fd == slot.hold_fd && deadline > usec_now() &&
                        deadline < usec_now() + 60 * USEC_PER_SEC;
        held.n_fsyncs_before = kernel.n_fsyncs;
        return held.answer;
}

Test(worker, is_held_between_its_checks_and_the_fsync) {
        held.answer = 1;
        slot.hold_fd = STDIN_FILENO;
        slot.may_go_on = true;
        run_worker();
        cr_expect(held.is_asked);
        cr_expect(eq(uint, held.n_fsyncs_before, 0));
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
}

Test(worker, stops_if_the_parent_has_died) {
        held.answer = 1;
        slot.hold_fd = STDIN_FILENO;
        run_worker();
        cr_expect(eq(uint, kernel.n_fsyncs, 0));
        cr_expect(eq(uint, kernel.n_writes, 0));
        cr_expect(eq(int, slot.result.outcome, OUTCOME_LEFT));
        cr_expect(eq(str, slot.result.reason, "not started: the stage's program has died"));
}

Test(worker, is_not_held_forever) {
        held.answer = 0;
        slot.hold_fd = STDIN_FILENO;
        slot.may_go_on = true;
        run_worker();
        cr_expect(eq(uint, kernel.n_writes, 0));
        cr_expect(eq(int, slot.result.outcome, OUTCOME_LEFT));
        cr_expect(eq(str, slot.result.reason, "not started: it took too long to start the others"));
}

static void write_header(uint8_t ids, uint8_t rest) {
        uint8_t header[64];

        memset(header, rest, sizeof(header));
        memset(header, ids, 4);
        fake_root_write_binary(PCI "/config", header, sizeof(header));
}

Test(worker, does_not_touch_a_controller_that_does_not_answer_on_the_bus) {
        write_header(0xff, 0xff);
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_VANISHED));
        cr_expect(not(slot.result.is_gone));
        cr_expect(eq(uint, kernel.n_fsyncs, 0));
        cr_expect(eq(uint, kernel.n_writes, 0));
}

/* The IDs of a virtual function read FFFFh by specification. */
Test(worker, detaches_a_virtual_function) {
        write_header(0xff, 0x10);
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
}

Test(worker, a_controller_that_is_pulled_during_the_checks_is_gone) {
        kernel.pulls_drive_at_serial = true;
        run_worker();
        expect_untouched(OUTCOME_VANISHED, "it no longer answers on the bus");
        cr_expect(slot.result.is_gone);
}

Test(worker, a_virtual_function_is_gone_with_its_physical_one) {
        (void) build_nvme(&topology, "nvme1", "0000:02:00.0", NULL);
        topology.devices[0].physfn = 1;
        write_header(0xff, 0xff);
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_VANISHED));
        cr_expect(slot.result.is_gone);
        fake_root_write("sys/bus/pci/devices/0000:02:00.0/enable", "1\n");
        worker_slot_init(&slot);
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_VANISHED));
        cr_expect(not(slot.result.is_gone));
}

Test(worker, leaves_a_physical_function_that_got_another_virtual_one) {
        fake_root_write(PCI "/sriov_numvfs", "2\n");
        topology.devices[0].n_vfs = 1;
        run_worker();
        expect_untouched(OUTCOME_LEFT, "it has 2 virtual functions, the plan knows 1");
        topology.devices[0].n_vfs = 2;
        worker_slot_init(&slot);
        run_worker();
        cr_expect(eq(int, slot.result.outcome, OUTCOME_DETACHED));
}

Test(worker, flushes_a_controller_that_stays_and_does_not_unbind_it) {
        worker_run(root_fd, &topology, 0, STEP_LEAVE, is_live, &slot);
        cr_expect(eq(uint, kernel.n_fsyncs, 1));
        cr_expect(eq(uint, kernel.n_writes, 0));
        cr_expect(eq(int, slot.result.outcome, OUTCOME_LEFT));
        cr_expect(slot.result.is_flushed);
}

/* The other namespace is flushed nevertheless. */
Test(worker, is_flushed_only_if_every_namespace_is) {
        add_namespace("nvme0n2", makedev(259, 2));
        fake_root_remove("dev/nvme0n2");
        worker_run(root_fd, &topology, 0, STEP_LEAVE, is_live, &slot);
        cr_expect(eq(uint, kernel.n_fsyncs, 1));
        cr_expect(not(slot.result.is_flushed));
        cr_expect(eq(str, slot.result.reason,
                     "Flush of /dev/nvme0n2 failed, ignoring: the node is missing"));
}

Test(worker, goes_on_to_flush_the_rest) {
        add_namespace("nvme0n2", makedev(259, 2));
        fake_root_remove("dev/nvme0n1");
        worker_run(root_fd, &topology, 0, STEP_LEAVE, is_live, &slot);
        cr_expect(eq(uint, kernel.n_fsyncs, 1));
        cr_expect(not(slot.result.is_flushed));
}

Test(worker, a_flush_that_fails_is_recorded_and_ignored) {
        kernel.fsync_error = EIO;
        worker_run(root_fd, &topology, 0, STEP_LEAVE, is_live, &slot);
        cr_expect(eq(uint, kernel.n_writes, 0));
        cr_expect(eq(int, slot.result.outcome, OUTCOME_LEFT));
        cr_expect(not(slot.result.is_flushed));
        cr_expect(eq(str, slot.result.reason,
                     "Flush of /dev/nvme0n1 failed, ignoring: Input/output error"));
}
