/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "fake_root.h"
#include "last_second.h"

#define ADMIN_TIMEOUT "sys/module/nvme_core/parameters/admin_timeout"

static int locked_flags, priority;

int mlockall(int flags) {
        locked_flags = flags;
        return 0;
}

int setpriority(__priority_which_t which, id_t who, int value) {
        cr_assert(which == PRIO_PROCESS && who == 0);
        priority = value;
        errno = EACCES;
        return -1;
}

TestSuite(last_second, .init = fake_root_start, .fini = fake_root_done);

static char *timeout_after(const char *before) {
        fake_root_write(ADMIN_TIMEOUT, before);
        (void) last_second_settings(root_fd);
        return fake_root_read(ADMIN_TIMEOUT);
}

Test(last_second, limits_the_admin_timeout) {
        char *after = timeout_after("60\n");

        /* a plain file keeps what stands behind the new value */
        cr_expect(eq(str, after, "50\n"));
        free(after);
}

Test(last_second, leaves_a_shorter_one) {
        char *after = timeout_after("3\n");

        cr_expect(eq(str, after, "3\n"));
        free(after);
}

Test(last_second, expedites_rcu) {
        char *after;

        fake_root_write("sys/kernel/rcu_expedited", "0\n");
        fake_root_write("sys/kernel/rcu_normal", "0\n");
        cr_expect(last_second_settings(root_fd));
        after = fake_root_read("sys/kernel/rcu_expedited");
        cr_expect(eq(str, after, "1\n"));
        free(after);
}

Test(last_second, rcu_that_was_expedited_before_is_no_difference) {
        fake_root_write("sys/kernel/rcu_expedited", "1\n");
        cr_expect(not(last_second_settings(root_fd)));
        fake_root_remove("sys/kernel/rcu_expedited");
        fake_root_write("sys/kernel/rcu_expedited", "0\n");
        fake_root_write("sys/kernel/rcu_normal", "1\n");
        cr_expect(not(last_second_settings(root_fd)));
}

Test(last_second, goes_on_without_the_parameter_or_the_right) {
        cr_expect(not(last_second_settings(root_fd)));
        cr_expect(eq(int, locked_flags, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
        cr_expect(eq(int, priority, PRIO_MIN));
}
