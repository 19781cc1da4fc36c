/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <endian.h>
#include <libnvme.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "fake_root.h"
#include "waves/verify.h"

/* What the kernel shows of the register file. */
#define REGISTERS_SIZE 4096
#define ADDRESS "0000:01:00.0"
#define PCI "sys/bus/pci/devices/" ADDRESS
#define BAR_AT(page_offset) "0x00000000fe00" page_offset " 0x00000000fe00ffff 0x0000000000140204\n"

/* The errno of each mmap(2) of a file, and of the next read of the kernel log; 0: it succeeds. */
static int mmap_error, log_error;
static DriverLog reader = DRIVER_LOG_INIT;
static StepResult result;

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
        if (fd >= 0 && mmap_error) {
                errno = mmap_error;
                return MAP_FAILED;
        }
        return (void *) syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

ssize_t read(int fd, void *buffer, size_t size) {
        if (fd == reader.fd && log_error) {
                errno = log_error;
                log_error = 0;
                return -1;
        }
        return syscall(SYS_read, fd, buffer, size);
}

static void write_csts(size_t bar_offset, uint32_t csts) {
        uint32_t registers[4 * REGISTERS_SIZE / sizeof(uint32_t)] = {};

        registers[(bar_offset + NVME_REG_CSTS) / sizeof(uint32_t)] = htole32(csts);
        fake_root_write_binary(PCI "/resource0", registers, sizeof(registers));
}

static void write_config(uint8_t byte) {
        uint8_t config[256];

        memset(config, byte, sizeof(config));
        fake_root_write_binary(PCI "/config", config, sizeof(config));
}

/* An unbound controller whose shutdown is complete. */
static void setup(void) {
        fake_root_start();
        fake_root_write("dev/kmsg", "");
        fake_root_write(PCI "/resource", BAR_AT("0000"));
        write_config(0x10);
        write_csts(0, 0x9);
        driver_log_open(root_fd, &reader);
}

static void teardown(void) {
        driver_log_close(&reader);
        fake_root_done();
}

TestSuite(verify, .init = setup, .fini = teardown, .timeout = 10);

static void run_verify(void) {
        result = (StepResult){};
        verify_shutdown(root_fd, ADDRESS, "nvme0", &reader, &result);
}

static void expect_result(Outcome outcome, bool is_verified, const char *reason) {
        cr_expect(eq(int, result.outcome, outcome));
        cr_expect(eq(int, result.is_verified, is_verified));
        cr_expect(eq(str, result.reason, (char *) reason));
}

Test(verify, shst_is_proof) {
        run_verify();
        expect_result(OUTCOME_DETACHED, true, "");
}

static Outcome outcome_of(uint32_t csts) {
        if (NVME_CSTS_SHST(csts) == NVME_CSTS_SHST_CMPLT)
                return OUTCOME_DETACHED;
        return OUTCOME_FAILED;
}

static const char *reason_of(uint32_t csts) {
        if (NVME_CSTS_SHST(csts) == NVME_CSTS_SHST_CMPLT)
                return "";
        if (NVME_CSTS_CFS(csts))
                return "controller fatal status";
        if (NVME_CSTS_SHST(csts) == NVME_CSTS_SHST_OCCUR)
                return "the kernel gave up waiting for the shutdown to complete";
        return "no shutdown was started";
}

/* Against libnvme's definitions: each value of CFS and SHST, with each value of the other bits. */
Test(verify, decodes_csts_as_libnvme_does) {
        for (uint32_t csts = 0; csts < 1U << 7; csts++) {
                const char *reason = reason_of(csts);

                write_csts(0, csts);
                run_verify();
                cr_expect(eq(int, result.outcome, outcome_of(csts)), "CSTS=0x%x", csts);
                cr_expect(eq(int, result.is_verified, outcome_of(csts) == OUTCOME_DETACHED));
                cr_expect(eq(int, strncmp(result.reason, reason, strlen(reason)), 0), "CSTS=0x%x",
                          csts);
        }
}

/* A page of 64 KiB holds the registers of several devices: another one's come first. */
Test(verify, reads_the_registers_where_the_bar_begins_in_its_page) {
        fake_root_write(PCI "/resource", BAR_AT("0400"));
        write_csts(0x400, 0x5);
        run_verify();
        expect_result(OUTCOME_FAILED, false,
                      "the kernel gave up waiting for the shutdown to complete, CSTS=0x5");
        write_csts(0, 0x9);
        run_verify();
        expect_result(OUTCOME_FAILED, false, "no shutdown was started, CSTS=0x0");
}

Test(verify, reads_no_register_if_the_bar_is_unknown) {
        static const char *const tables[] = {
                "",
                "nonsense",
                "0x0000000000000000 0x0000000000000000 0x0000000000000000\n",
        };

        for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
                fake_root_write(PCI "/resource", tables[i]);
                run_verify();
                expect_result(OUTCOME_DETACHED, false, "by the driver's word (Bad message)");
        }
}

Test(verify, does_not_map_past_a_short_resource) {
        fake_root_write(PCI "/resource0", "short");
        run_verify();
        expect_result(OUTCOME_DETACHED, false, "by the driver's word (No such device or address)");
}

/* Memory decoding is off, or the port above it sleeps: the controller has not vanished. */
Test(verify, all_ones_from_a_device_that_answers_is_unverified) {
        write_csts(0, UINT32_MAX);
        run_verify();
        expect_result(OUTCOME_UNVERIFIED, false,
                      "its registers read as all ones, though it answers on the bus");
        fake_root_remove(PCI "/config");
        run_verify();
        cr_expect(eq(int, result.outcome, OUTCOME_UNVERIFIED));
}

Test(verify, all_ones_from_a_device_that_does_not_is_vanished) {
        write_csts(0, UINT32_MAX);
        write_config(0xff);
        run_verify();
        expect_result(OUTCOME_VANISHED, false, "it no longer answers on the bus");
}

Test(verify, sysfs_takes_precedence) {
        fake_root_link(PCI "/driver", "../../drivers/nvme");
        run_verify();
        expect_result(OUTCOME_FAILED, false, "still bound to nvme");
        fake_root_remove(PCI);
        run_verify();
        expect_result(OUTCOME_VANISHED, false, "gone from the bus");
}

/* With Secure Boot the kernel lets no program map registers. */
Test(verify, under_lockdown_the_driver_vouches) {
        mmap_error = EPERM;
        run_verify();
        expect_result(OUTCOME_DETACHED, false, "by the driver's word");
}

static void log_complaint(const char *name) {
        char record[128];

        (void) snprintf(record, sizeof(record),
                        "4,77,5678901,-;nvme %s: Device shutdown incomplete; abort shutdown\n",
                        name);
        fake_root_write("dev/kmsg", record);
}

Test(verify, under_lockdown_a_complaint_is_believed) {
        mmap_error = EPERM;
        log_complaint("nvme0");
        run_verify();
        expect_result(OUTCOME_FAILED, false, "the driver reports an incomplete shutdown");
}

Test(verify, a_complaint_about_another_controller_does_not_count) {
        mmap_error = EPERM;
        log_complaint("nvme1");
        run_verify();
        expect_result(OUTCOME_DETACHED, false, "by the driver's word");
}

Test(verify, shst_takes_precedence_over_complaints) {
        log_complaint("nvme0");
        run_verify();
        expect_result(OUTCOME_DETACHED, true, "");
}

Test(verify, the_driver_does_not_vouch_for_what_is_gone) {
        mmap_error = EPERM;
        write_config(0xff);
        run_verify();
        expect_result(OUTCOME_VANISHED, false, "it no longer answers on the bus");
        fake_root_remove(PCI "/config");
        run_verify();
        expect_result(
                OUTCOME_UNVERIFIED, false,
                "neither CSTS (Operation not permitted) nor its PCI configuration (No such file or "
                "directory) can be read");
}

Test(verify, without_the_kernel_log_nothing_vouches) {
        mmap_error = EPERM;
        log_error = EPIPE;
        run_verify();
        expect_result(
                OUTCOME_UNVERIFIED, false,
                "neither CSTS (Operation not permitted) nor all of the kernel log (records were "
                "lost) can be read");
        driver_log_close(&reader);
        run_verify();
        cr_expect(eq(int, result.outcome, OUTCOME_UNVERIFIED));
}

/* A bus error in the parent would end the stage. */
Test(verify, the_parent_reads_no_register_and_calls_nothing_detached) {
        result = (StepResult){};
        verify_without_registers(root_fd, ADDRESS, false, &result);
        expect_result(OUTCOME_UNVERIFIED, false, "the end of its shutdown was not seen");
        write_csts(0, 0x5);
        verify_without_registers(root_fd, ADDRESS, false, &result);
        expect_result(OUTCOME_UNVERIFIED, false, "the end of its shutdown was not seen");
        verify_without_registers(root_fd, ADDRESS, true, &result);
        expect_result(OUTCOME_FAILED, false, "the driver reports an incomplete shutdown");
        write_config(0xff);
        verify_without_registers(root_fd, ADDRESS, false, &result);
        expect_result(OUTCOME_VANISHED, false, "it no longer answers on the bus");
        fake_root_link(PCI "/driver", "../../drivers/nvme");
        verify_without_registers(root_fd, ADDRESS, false, &result);
        expect_result(OUTCOME_FAILED, false, "still bound to nvme");
        fake_root_remove(PCI);
        verify_without_registers(root_fd, ADDRESS, false, &result);
        expect_result(OUTCOME_VANISHED, false, "gone from the bus");
}
