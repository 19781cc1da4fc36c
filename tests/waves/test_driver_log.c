/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "fake_root.h"
#include "waves/driver_log.h"

#define OLD "4,76,5678000,-;nvme nvme9: Device not ready; aborting shutdown, CSTS=0x1\n"

static DriverLog reader = DRIVER_LOG_INIT;
static char name[DRIVER_LOG_NAME_MAX];

/* What the next reads of the log return: records or an errno. After that reads are real. */
static struct {
        const char *record;
        int error;
} script[8];
static size_t n_script, n_read;

ssize_t read(int fd, void *buffer, size_t size) {
        if (fd != reader.fd || n_read >= n_script)
                return syscall(SYS_read, fd, buffer, size);
        if (script[n_read].error) {
                errno = script[n_read++].error;
                return -1;
        }
        (void) snprintf(buffer, size, "%s", script[n_read].record);
        return (ssize_t) strlen(script[n_read++].record);
}

static void setup(void) {
        fake_root_start();
        fake_root_write("dev/kmsg", OLD);
}

static void teardown(void) {
        driver_log_close(&reader);
        fake_root_done();
}

TestSuite(driver_log, .init = setup, .fini = teardown, .timeout = 10);

static void append_record(const char *text) {
        int fd = open(fake_root_path("dev/kmsg"), O_WRONLY | O_APPEND | O_CLOEXEC);

        cr_assert(fd >= 0);
        cr_assert(write(fd, text, strlen(text)) == (ssize_t) strlen(text));
        (void) close(fd);
}

static void script_read(const char *record, int error) {
        script[n_script].record = record;
        script[n_script++].error = error;
}

static int next_complaint(void) {
        return driver_log_next_complaint(&reader, name);
}

Test(driver_log, knows_the_complaints_of_old_and_new_kernels) {
        driver_log_open(root_fd, &reader);
        script_read("4,77,5678001,-;nvme nvme3: Device shutdown incomplete; abort shutdown\n"
                    " SUBSYSTEM=nvme\n DEVICE=c240:3\n",
                    0);
        script_read("3,78,5678002,-,caller=T1;nvme nvme12: Device not ready; aborting shutdown, "
                    "CSTS=0x1\n",
                    0);
        cr_assert(eq(int, next_complaint(), 1));
        cr_expect(eq(str, name, "nvme3"));
        cr_assert(eq(int, next_complaint(), 1));
        cr_expect(eq(str, name, "nvme12"));
        cr_expect(eq(int, next_complaint(), 0));
}

Test(driver_log, earlier_records_are_not_read) {
        driver_log_open(root_fd, &reader);
        cr_expect(eq(int, next_complaint(), 0));
        append_record(OLD);
        driver_log_skip(&reader);
        cr_expect(eq(int, next_complaint(), 0));
        append_record(OLD);
        cr_assert(eq(int, next_complaint(), 1));
        cr_expect(eq(str, name, "nvme9"));
}

Test(driver_log, takes_nothing_else_for_a_complaint) {
        static const char *const others[] = {
                "garbage without a semicolon",
                "4,77,1,-;",
                "4,77,1,-;nvme ",
                "4,77,1,-;nvme nvme3",
                "4,77,1,-;nvme nvme3: I/O 7 QID 2 timeout, aborting",
                "4,77,1,-;nvme nvme3: Removing after probe failure status: -19",
                "6,77,1,-;nvme-async-shutdown: nvme nvme3: abort shutdown",
                "6,77,1,-;usb 1-1: Device not ready; aborting shutdown, CSTS=0x1",
                "6,77,1,-;nvme nvme3: hello\n SHOUT=abort shutdown",
                "6,77,1,-;nvme nvme33333333333333333333333333333333333: abort shutdown",
        };

        driver_log_open(root_fd, &reader);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                n_script = n_read = 0;
                script_read(others[i], 0);
                cr_expect(eq(int, next_complaint(), 0), "%s", others[i]);
                cr_expect(eq(sz, n_read, 1));
        }
}

/* The lost records may have held a complaint, so its absence proves nothing. */
Test(driver_log, an_overrun_is_reported_after_the_records_that_are_left) {
        driver_log_open(root_fd, &reader);
        script_read(NULL, EINTR);
        script_read(NULL, EPIPE);
        script_read("4,99,1,-;nvme nvme3: Device not ready; aborting shutdown, CSTS=0x1\n", 0);
        cr_assert(eq(int, next_complaint(), 1));
        cr_expect(eq(str, name, "nvme3"));
        cr_expect(eq(int, next_complaint(), -EPIPE));
        driver_log_skip(&reader);
        cr_expect(eq(int, next_complaint(), 0));
}

Test(driver_log, no_record_means_no_complaint) {
        driver_log_open(root_fd, &reader);
        script_read(NULL, EAGAIN);
        cr_expect(eq(int, next_complaint(), 0));
}

Test(driver_log, a_log_that_cannot_be_read_is_an_error) {
        cr_expect(eq(int, next_complaint(), -EBADF));
        driver_log_open(root_fd, &reader);
        script_read(NULL, EIO);
        cr_expect(eq(int, next_complaint(), -EIO));
        driver_log_close(&reader);
        fake_root_remove("dev/kmsg");
        driver_log_open(root_fd, &reader);
        driver_log_skip(&reader);
        cr_expect(eq(int, next_complaint(), -ENOENT));
}
