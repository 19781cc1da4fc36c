/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CSTS after the unbind; see verify.h. */

#include "verify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "nvme_registers.h"
#include "sysfs.h"

/* printk's clock and CLOCK_MONOTONIC differ by tens of milliseconds (seen on 6.1). */
#define KMSG_CLOCK_SLACK (500 * USEC_PER_MSEC)
/* The kernel's own limit of one record (CONSOLE_EXT_LOG_MAX). */
#define KMSG_RECORD_MAX 8192

static void set(StepResult *result, Outcome outcome, const char *format, ...) _printf_(3, 4);
static void set(StepResult *result, Outcome outcome, const char *format, ...) {
        va_list args;

        result->outcome = outcome;
        va_start(args, format);
        (void) vsnprintf(result->reason, sizeof(result->reason), format, args);
        va_end(args);
}

/* 0 and the register, or -errno where it can't be mapped. */
static int read_csts(int root_fd, const char *address, uint32_t *ret_csts) {
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        struct stat st;
        const void *registers;

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/resource0", address);
        fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size < NVME_REGISTERS_SIZE)
                return -ENXIO;
        registers = mmap(NULL, NVME_REGISTERS_SIZE, PROT_READ, MAP_SHARED, fd, 0);
        if (registers == MAP_FAILED)
                return -errno;
        *ret_csts = *(const volatile uint32_t *) ((const char *) registers + NVME_CSTS_OFFSET);
        (void) munmap((void *) registers, NVME_REGISTERS_SIZE);
        return 0;
}

/* "4,1234,5678901,-;nvme nvme3: Device shutdown incomplete; abort shutdown" (up to 6.1), or
 * "... Device not ready; aborting shutdown, CSTS=0x1" (6.2 and later). */
static bool is_complaint(const char *record, const char *name, usec_t since_usec) {
        uint64_t usec;
        char prefix[64];
        const char *text;

        if (sscanf(record, "%*u,%*u,%" SCNu64 ",", &usec) != 1 ||
            usec + KMSG_CLOCK_SLACK < since_usec)
                return false;
        text = strchr(record, ';');
        if (!text)
                return false;
        (void) snprintf(prefix, sizeof(prefix), "nvme %s: ", name);
        return STARTSWITH(text + 1, prefix) && strstr(text, "abort") && strstr(text, "shutdown");
}

/* 1: the driver complained; 0: it did not; -errno: the log could not be read. */
static int driver_complained(int root_fd, const char *name, usec_t since_usec) {
        _cleanup_close_ int fd = -1;
        char record[KMSG_RECORD_MAX + 1];

        fd = openat(root_fd, "dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        for (;;) {
                ssize_t n = read(fd, record, KMSG_RECORD_MAX);

                /* EPIPE: that record was overwritten meanwhile, the next read goes on behind it. */
                if (n < 0 && (errno == EPIPE || errno == EINTR))
                        continue;
                if (n < 0)
                        return errno == EAGAIN ? 0 : -errno;
                if (n == 0)
                        return 0;
                record[n] = '\0';
                if (is_complaint(record, name, since_usec))
                        return 1;
        }
}

static void judge_csts(uint32_t csts, StepResult *result) {
        switch (controller_shutdown_status(csts)) {
        case NVME_SHUTDOWN_COMPLETE:
                result->outcome = OUTCOME_DETACHED;
                break;
        case NVME_SHUTDOWN_GONE:
                set(result, OUTCOME_VANISHED, "its registers read as all ones");
                break;
        case NVME_SHUTDOWN_FATAL:
                set(result, OUTCOME_FAILED, "controller fatal status, CSTS=0x%" PRIx32, csts);
                break;
        case NVME_SHUTDOWN_OCCURRING:
                set(result, OUTCOME_FAILED,
                    "the kernel gave up waiting for the shutdown to complete, CSTS=0x%" PRIx32,
                    csts);
                break;
        case NVME_SHUTDOWN_NONE:
                set(result, OUTCOME_FAILED, "no shutdown was started, CSTS=0x%" PRIx32, csts);
                break;
        }
}

void verify_shutdown(int root_fd, const char *address, const char *name, usec_t since_usec,
                     StepResult *result) {
        _cleanup_free_ char *driver = NULL;
        char dir[PATH_MAX];
        uint32_t csts = 0;
        int r;

        (void) snprintf(dir, sizeof(dir), "sys/bus/pci/devices/%s", address);
        if (faccessat(root_fd, dir, F_OK, 0) < 0 && errno == ENOENT) {
                set(result, OUTCOME_VANISHED, "gone from the bus");
                return;
        }
        if (sysfs_link_name(root_fd, dir, "driver", &driver) >= 0) {
                set(result, OUTCOME_FAILED, "still bound to %s", driver);
                return;
        }
        r = read_csts(root_fd, address, &csts);
        if (r >= 0) {
                judge_csts(csts, result);
                return;
        }
        if (driver_complained(root_fd, name, since_usec) > 0)
                set(result, OUTCOME_FAILED, "the driver reports an incomplete shutdown");
        else
                set(result, OUTCOME_UNVERIFIED, "CSTS can't be read (%s)", strerror(-r));
}
