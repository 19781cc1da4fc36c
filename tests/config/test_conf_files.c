/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/stat.h>

#include "config/conf_files.h"
#include "fake_root.h"

TestSuite(conf_files, .init = fake_root_start, .fini = fake_root_done, .timeout = 10);

/* The list, as one line. */
static void expect(const char *expected) {
        char **paths = NULL, line[4096] = "";

        cr_assert(eq(int, conf_files_list(root_fd, "x.conf", &paths), 0));
        for (char **p = paths; *p; p++) {
                (void) strcat(line, p == paths ? "" : " ");
                (void) strcat(line, *p);
        }
        cr_expect(eq(str, line, (char *) expected));
        conf_files_free(paths);
}

Test(conf_files, lists_nothing_if_there_is_nothing) {
        expect("");
}

Test(conf_files, the_main_file_of_the_first_directory_counts) {
        fake_root_write("usr/lib/x.conf", "v");
        expect("usr/lib/x.conf");
        fake_root_write("usr/local/lib/x.conf", "v");
        expect("usr/local/lib/x.conf");
        fake_root_write("run/x.conf", "v");
        expect("run/x.conf");
        fake_root_write("etc/x.conf", "v");
        expect("etc/x.conf");
}

Test(conf_files, drop_ins_follow_sorted_by_name_over_all_directories) {
        fake_root_write("etc/x.conf", "v");
        fake_root_write("usr/lib/x.conf.d/50-vendor.conf", "v");
        fake_root_write("etc/x.conf.d/90-admin.conf", "v");
        fake_root_write("run/x.conf.d/10-early.conf", "v");
        fake_root_write("usr/local/lib/x.conf.d/60-site.conf", "v");
        expect("etc/x.conf run/x.conf.d/10-early.conf usr/lib/x.conf.d/50-vendor.conf "
               "usr/local/lib/x.conf.d/60-site.conf etc/x.conf.d/90-admin.conf");
}

Test(conf_files, of_two_drop_ins_with_the_same_name_the_higher_counts) {
        fake_root_write("usr/lib/x.conf.d/50-a.conf", "v");
        fake_root_write("run/x.conf.d/50-a.conf", "v");
        expect("run/x.conf.d/50-a.conf");
        fake_root_write("etc/x.conf.d/50-a.conf", "v");
        expect("etc/x.conf.d/50-a.conf");
}

Test(conf_files, an_empty_file_masks_and_so_does_dev_null) {
        fake_root_write("usr/lib/x.conf", "v");
        fake_root_write("usr/lib/x.conf.d/50-a.conf", "v");
        fake_root_write("usr/lib/x.conf.d/60-b.conf", "v");
        fake_root_write("etc/x.conf", "");
        fake_root_write("etc/x.conf.d/50-a.conf", "");
        fake_root_link("run/x.conf.d/60-b.conf", "/dev/null");
        expect("");
}

Test(conf_files, a_masked_main_file_masks_no_drop_in) {
        fake_root_write("usr/lib/x.conf", "v");
        fake_root_link("etc/x.conf", "/dev/null");
        fake_root_write("usr/lib/x.conf.d/50-a.conf", "v");
        expect("usr/lib/x.conf.d/50-a.conf");
}

Test(conf_files, other_names_are_no_drop_ins) {
        fake_root_write("etc/x.conf.d/.hidden.conf", "v");
        fake_root_write("etc/x.conf.d/50-a.conf~", "v");
        fake_root_write("etc/x.conf.d/50-a.conf.dpkg-new", "v");
        fake_root_write("etc/x.conf.d/README", "v");
        fake_root_write("etc/x.conf.d/.conf", "v");
        expect("");
}

Test(conf_files, a_file_that_can_not_be_examined_is_listed_so_that_reading_it_fails) {
        fake_root_link("etc/x.conf", "x.conf");
        fake_root_write("usr/lib/x.conf", "v");
        fake_root_write("run/x.conf.d", "not a directory");
        fake_root_link("etc/x.conf.d/50-a.conf", "50-a.conf");
        fake_root_link("etc/x.conf.d/60-b.conf", "nowhere");
        expect("etc/x.conf etc/x.conf.d/50-a.conf etc/x.conf.d/60-b.conf run/x.conf.d");
}

Test(conf_files, a_dangling_link_hides_lower_files) {
        fake_root_link("etc/x.conf", "nowhere");
        fake_root_write("usr/lib/x.conf", "v");
        fake_root_link("etc/x.conf.d/50-a.conf", "nowhere");
        fake_root_write("usr/lib/x.conf.d/50-a.conf", "v");
        expect("etc/x.conf etc/x.conf.d/50-a.conf");
}

Test(conf_files, a_lower_file_can_not_mask_a_higher_one) {
        fake_root_write("etc/x.conf", "v");
        fake_root_write("usr/lib/x.conf", "");
        fake_root_write("etc/x.conf.d/50-a.conf", "v");
        fake_root_link("run/x.conf.d/50-a.conf", "/dev/null");
        expect("etc/x.conf etc/x.conf.d/50-a.conf");
}
