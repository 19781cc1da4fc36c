/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CSTS after the unbind; see verify.h. */

#include "waves/verify.h"

#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tree/pci_presence.h"

/* Where CSTS is in the register file (NVMe base 2.0, 3.1.3), and the size to map for it. */
#define CSTS_OFFSET 0x1c
#define REGISTERS_SIZE 4096

/* NVMe base 2.0, 3.1.3.6: CFS is bit 1, SHST bits 3:2. */
#define CSTS_CFS (1U << 1)
#define CSTS_SHST(csts) ((csts) >> 2 & 3)
#define SHST_OCCURRING 1
#define SHST_COMPLETE 2

#ifdef __s390x__
/* An ordinary load from a mapped PCI resource faults there: it takes instructions of its own
 * (pcilg) or a system call (arch/s390/pci/pci_mmio.c). */
static int read_csts(int root_fd, const char *address, uint32_t *ret_csts) {
        return -EOPNOTSUPP;
}
#else
/* A mapping begins with the page in which the BAR does (pci_mmap_resource_range(), 6.1: start >>
 * PAGE_SHIFT), and pages may be larger than a BAR and hold another device's in front of it: 64 KiB
 * on some arm64. */
static int find_offset(int root_fd, const char *address, size_t page_size, size_t *ret_offset) {
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

/* 0 and the register, or -errno where it can't be mapped. */
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
        r = find_offset(root_fd, address, page_size, &offset);
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

/* SHST=10b is proof, whatever CFS says. */
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

/* Whether sysfs alone has the answer. */
static bool judge_place(int root_fd, const char *address, StepResult *result) {
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

/* 1: it did; 0: it did not; -errno: that can't be told. */
static int has_driver_complained(DriverLog *log, const char *name) {
        char complained[DRIVER_LOG_NAME_MAX];
        int r;

        while ((r = driver_log_next_complaint(log, complained)) > 0)
                if (STREQ(complained, name))
                        return 1;
        return r;
}

/* error: why the registers can't be mapped. */
static void take_drivers_word(int root_fd, const char *address, int error, int complained,
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
                                "neither CSTS (%s) nor all that the driver said (%s) can be read",
                                strerror(-error),
                                complained == -EPIPE ? "the kernel log was overrun"
                                                     : strerror(-complained));
        else if (error == -EPERM)
                /* Lockdown. Short, for with Secure Boot each controller has it in its line. */
                step_result_set(result, OUTCOME_DETACHED, "by the driver's word");
        else
                step_result_set(result, OUTCOME_DETACHED, "by the driver's word (%s)",
                                strerror(-error));
}

void verify_shutdown(int root_fd, const char *address, const char *name, DriverLog *log,
                     StepResult *result) {
        uint32_t csts = 0;
        int r;

        if (judge_place(root_fd, address, result))
                return;
        r = read_csts(root_fd, address, &csts);
        if (r >= 0)
                judge_csts(root_fd, address, csts, result);
        else
                take_drivers_word(root_fd, address, r, has_driver_complained(log, name), result);
}

void verify_without_registers(int root_fd, const char *address, bool has_complained,
                              StepResult *result) {
        if (judge_place(root_fd, address, result))
                return;
        if (has_complained)
                step_result_set(result, OUTCOME_FAILED,
                                "the driver reports an incomplete shutdown");
        else if (pci_presence(root_fd, address) == 0)
                step_result_set(result, OUTCOME_VANISHED, "it no longer answers on the bus");
        else
                step_result_set(result, OUTCOME_UNVERIFIED, "the end of its shutdown was not seen");
}
