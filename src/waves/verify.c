/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads CSTS after the unbind; see verify.h. */

#include "waves/verify.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tree/pci_presence.h"

/* NVMe base 2.0, 3.1.3: where CSTS is, and the size of the part that every controller has. */
#define CSTS_OFFSET 0x1c
#define REGISTERS_SIZE 4096

/* NVMe base 2.0, 3.1.3.6: CFS is bit 1, SHST bits 3:2. */
#define CSTS_CFS (1U << 1)
#define CSTS_SHST(csts) ((csts) >> 2 & 3)
#define SHST_OCCURRING 1
#define SHST_COMPLETE 2

#ifdef __s390x__
/* An ordinary load from a mapped PCI resource faults on s390x: it takes special instructions
 * (pcilg) or a system call (arch/s390/pci/pci_mmio.c). */
static int read_csts(int root_fd, const char *address, uint32_t *ret_csts) {
        return -EOPNOTSUPP;
}
#else
/* Where the BAR begins within the mapping, which begins at a page (pci_mmap_resource_range(), 6.1:
 * start >> PAGE_SHIFT). Pages of 64 KiB, as some arm64 kernels use them, hold the BARs of several
 * devices. */
static int find_bar_offset(int root_fd, const char *address, size_t page_size, size_t *ret_offset) {
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX], *end;
        unsigned long long start;
        int r;

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/resource", address);
        r = file_read(root_fd, path, &text);
        if (r < 0)
                return r;
        start = strtoull(text, &end, 16);
        if (end == text || *end != ' ' || start == 0)
                return -EBADMSG;
        *ret_offset = (size_t) (start & (page_size - 1));
        return *ret_offset + CSTS_OFFSET + sizeof(uint32_t) <= page_size ? 0 : -ENXIO;
}

/* -errno: CSTS can't be mapped. */
static int read_csts(int root_fd, const char *address, uint32_t *ret_csts) {
        const size_t page_size = (size_t) sysconf(_SC_PAGESIZE);
        _cleanup_close_ int fd = -1;
        size_t offset = 0;
        char path[PATH_MAX];
        struct stat st;
        char *page;
        int r;

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/resource0", address);
        fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size < REGISTERS_SIZE)
                return -ENXIO;
        r = find_bar_offset(root_fd, address, page_size, &offset);
        if (r < 0)
                return r;
        page = mmap(NULL, page_size, PROT_READ, MAP_SHARED, fd, 0);
        if (page == MAP_FAILED)
                return -errno;
        *ret_csts = le32toh(*(const volatile uint32_t *) (page + offset + CSTS_OFFSET));
        (void) munmap(page, page_size);
        return 0;
}
#endif

static void judge_all_ones(int root_fd, const char *address, StepResult *result) {
        if (pci_presence(root_fd, address) == 0)
                step_result_set(result, OUTCOME_VANISHED, "it no longer answers on the bus");
        else
                step_result_set(result, OUTCOME_UNVERIFIED,
                                "its registers read as all ones, though it answers on the bus");
}

static const char *describe_failure(uint32_t csts) {
        if (csts & CSTS_CFS)
                return "controller fatal status";
        if (CSTS_SHST(csts) == SHST_OCCURRING)
                return "the kernel gave up waiting for the shutdown to complete";
        return "no shutdown was started";
}

/* SHST=10b is proof, even if CFS is set. */
static void judge_csts(int root_fd, const char *address, uint32_t csts, StepResult *result) {
        if (csts == UINT32_MAX) {
                judge_all_ones(root_fd, address, result);
                return;
        }
        if (CSTS_SHST(csts) == SHST_COMPLETE) {
                result->outcome = OUTCOME_DETACHED;
                result->is_verified = true;
                return;
        }
        step_result_set(result, OUTCOME_FAILED, "%s, CSTS=0x%" PRIx32, describe_failure(csts),
                        csts);
}

/* Returns whether sysfs alone settles the outcome. */
static bool judge_by_sysfs(int root_fd, const char *address, StepResult *result) {
        _cleanup_free_ char *driver = NULL;
        char dir[PATH_MAX];

        if (!pci_is_listed(root_fd, address)) {
                step_result_set(result, OUTCOME_VANISHED, "gone from the bus");
                return true;
        }
        (void) snprintf(dir, sizeof(dir), "sys/bus/pci/devices/%s", address);
        if (file_link_name(root_fd, dir, "driver", &driver) < 0)
                return false;
        step_result_set(result, OUTCOME_FAILED, "still bound to %s", driver);
        return true;
}

/* Returns 1: the driver has complained about that controller; 0: it has not; -errno: not all of the
 * kernel log could be read. */
static int find_complaint(DriverLog *log, const char *name) {
        char complained[DRIVER_LOG_NAME_MAX];
        int r;

        while ((r = driver_log_next_complaint(log, complained)) > 0)
                if (STREQ(complained, name))
                        return 1;
        return r;
}

/* error: why CSTS can't be mapped. complained: from find_complaint(). */
static void judge_by_drivers_word(int root_fd, const char *address, int error, int complained,
                                  StepResult *result) {
        int presence = pci_presence(root_fd, address);

        if (complained > 0)
                step_result_set(result, OUTCOME_FAILED,
                                "the driver reports an incomplete shutdown");
        else if (presence == 0)
                step_result_set(result, OUTCOME_VANISHED, "it no longer answers on the bus");
        else if (presence < 0)
                step_result_set(result, OUTCOME_UNVERIFIED,
                                "neither CSTS (%s) nor its PCI configuration (%s) can be read",
                                strerror(-error), strerror(-presence));
        else if (complained < 0)
                step_result_set(result, OUTCOME_UNVERIFIED,
                                "neither CSTS (%s) nor all of the kernel log (%s) can be read",
                                strerror(-error),
                                complained == -EPIPE ? "records were lost" : strerror(-complained));
        else if (error == -EPERM)
                /* Lockdown. Short, as with Secure Boot every controller's line has it. */
                step_result_set(result, OUTCOME_DETACHED, "by the driver's word");
        else
                step_result_set(result, OUTCOME_DETACHED, "by the driver's word (%s)",
                                strerror(-error));
}

void verify_shutdown(int root_fd, const char *address, const char *name, DriverLog *log,
                     StepResult *result) {
        uint32_t csts = 0;
        int r;

        if (judge_by_sysfs(root_fd, address, result))
                return;
        r = read_csts(root_fd, address, &csts);
        if (r >= 0)
                judge_csts(root_fd, address, csts, result);
        else
                judge_by_drivers_word(root_fd, address, r, find_complaint(log, name), result);
}

void verify_without_registers(int root_fd, const char *address, bool has_complained,
                              StepResult *result) {
        if (judge_by_sysfs(root_fd, address, result))
                return;
        if (has_complained)
                step_result_set(result, OUTCOME_FAILED,
                                "the driver reports an incomplete shutdown");
        else if (pci_presence(root_fd, address) == 0)
                step_result_set(result, OUTCOME_VANISHED, "it no longer answers on the bus");
        else
                step_result_set(result, OUTCOME_UNVERIFIED, "the end of its shutdown was not seen");
}
