/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "config/selection_syntax.h"

/* No PCI address, name, model, serial number or NQN looks like these. */
Test(selection_syntax, refuses_globs_that_select_nothing_and_says_what_to_write) {
        static const struct {
                const char *glob, *why;
        } cases[] = {
                { "\"nvme1\"", "without them" },
                { "'nvme1'", "without them" },
                { "nvme1,nvme2", "separated by blanks" },
                { "nvme1,", "separated by blanks" },
                { "nqn.2019-08.org.qemu:a,nqn.2019-08.org.qemu:b", "separated by blanks" },
                { "nvme1;nvme2", "separated by blanks" },
                { "nvme1|nvme2", "separated by blanks" },
                { "nvme{1,2}", "braces are not expanded" },
                { "nvme{1..3}", "braces are not expanded" },
                { "/dev/nvme1", "paths are not looked up" },
                { "dev/nvme1", "paths are not looked up" },
                { "/dev/disk/by-id/nvme-Samsung_SSD_970_S4EWNX0", "paths are not looked up" },
                { "/", "paths are not looked up" },
                { "UUID=1234", "nothing but globs" },
                { "=nvme1", "nothing but globs" },
                { "#", "begins with a blank and ;" },
                { "#nvme2", "begins with a blank and ;" },
                { "!nvme1", "nothing negates" },
                { "~nvme1", "nothing negates" },
                { "nvme[12", "a [ without its ]" },
                { "nvme[]", "a [ without its ]" },
                { "nvme1[[:digit:]", "a [ without its ]" },
                { "nvme1]", "a ] without its [" },
                { "SAMSUNG\\", "ends in a \\" },
                { "nvme1\xc2\xa0", "no printable ASCII" },
                { "\xe2\x80\x9cnvme1\xe2\x80\x9d", "no printable ASCII" },
                { "nvme\t1", "no printable ASCII" },
                { "nvme1n1", "a namespace or a partition" },
                { "nvme1n1p2", "a namespace or a partition" },
                { "nvme1c0n1", "a namespace or a partition" },
                { "nvme?n*", "a namespace or a partition" },
                { "nvme[0-9]n1", "a namespace or a partition" },
                { "NVMe1N1", "a namespace or a partition" },
                { "ng1n1", "a namespace or a partition" },
                { "eui.0025385b71b07f00", "a namespace's identifier" },
                { "uuid.51f5b2a4", "a namespace's identifier" },
                { "nvme.144d-5334", "a namespace's identifier" },
                { "nvme-eui.0025385b71b07f00", "a link to a namespace" },
                { "nvme-subsys1", "write its NQN" },
                { "nvme0-3", "no range, write nvme[0-3]" },
                { "nvme0-nvme3", "no range, write nvme[0-3]" },
                { "01:00.0", "as in 0000:01:00.0" },
                { "1:0.0", "as in 0000:01:00.0" },
                { "0000:1:00.0", "as in 0000:01:00.0" },
                { "0000:01:00", "as in 0000:01:00.0" },
                { "??:00.0", "as in 0000:01:00.0" },
                { "pci-0000:01:00.0", "the PCI address alone" },
                { "pci-10000:01:00.0-nvme-1", "the PCI address alone" },
                { "all", "write *" },
                { "Any", "write *" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const char *why = selection_check_glob(cases[i].glob);

                cr_expect(why && strstr(why, cases[i].why), "%s: %s", cases[i].glob,
                          why ? why : "accepted");
        }
}

/* Each occurs on some machine or may be written for one. */
Test(selection_syntax, accepts_globs_that_may_select_something) {
        static const char *const globs[] = {
                "nvme0",
                "nvme127",
                "nvme*",
                "nvme?",
                "nvme[0-3]",
                "nvme[!0]",
                "nvme[[:digit:]]",
                "nvme[]1]",
                "*",
                "0000:01:00.0",
                "0000:0A:00.0",
                "10000:e1:00.0",
                "0000:4?:*",
                "0000:[0-4]?:00.0",
                "*:01:00.0",
                "????:01:00.0",
                "*.0",
                "SAMSUNG?MZWLJ*",
                "Samsung*970*",
                "KINGSTON?SNVS*",
                "Some[/]Model",
                "Some[,]Model",
                "Model\\[1\\]",
                "S4EWNX0R123456",
                "nvme-1",
                "NVME1",
                "VMware?NVME_0000",
                "PCI-E?SSD*",
                "AA:BB:CC:DD:EE:FF",
                "aa:bb:cc:dd",
                "1.5",
                "nqn.2014-08.org.nvmexpress:uuid:51f5b2a4-6b5d-4d3c-9d3f-000000000000",
                "nqn.2014.08.org.nvmexpress:144d144dS4EW*",
                "nqn.2016-06.io.spdk:a/b",
                "nqn.2019-08.org.qemu:*",
                "",
        };

        for (size_t i = 0; i < ARRAY_SIZE(globs); i++)
                cr_expect(eq(ptr, (void *) selection_check_glob(globs[i]), NULL), "%s: %s",
                          globs[i], selection_check_glob(globs[i]));
}

Test(selection_syntax, a_glob_of_any_length_is_judged) {
        char glob[5000];

        memset(glob, '?', sizeof(glob) - 1);
        glob[sizeof(glob) - 1] = '\0';
        cr_expect(eq(ptr, (void *) selection_check_glob(glob), NULL));
        glob[sizeof(glob) - 2] = ',';
        cr_expect(ne(ptr, (void *) selection_check_glob(glob), NULL));
        /* A glob that is longer than any shape is not judged by its start. */
        memcpy(glob, "nvme1n1", strlen("nvme1n1"));
        memset(glob + strlen("nvme1n1"), '1', sizeof(glob) - 1 - strlen("nvme1n1"));
        cr_expect(eq(ptr, (void *) selection_check_glob(glob), NULL));
}

Test(selection_syntax, finds_a_misspelt_key) {
        static const char *const meant[] = {
                "exclude",  "EXCLUDE",    "Include",  "Excludes", "Exlude",         "Exclud",
                "Xclude",   "Excldue",    "Inclde",   "Icnlude",  "ExcludeNvme",    "NotExclude",
                "Ex-clude", "Exclude[0]", "Excluded", "Includes", "\xd0\x95xclude",
        };
        static const char *const others[] = {
                "",       "Enabled", "enabled",   "Stages",     "Flush",    "Order",
                "Ignore", "Lude",    "Excelsior", "TimeoutSec", "Shutdown", "Intrude1",
        };

        for (size_t i = 0; i < ARRAY_SIZE(meant); i++)
                cr_expect(selection_is_meant(meant[i]), "%s", meant[i]);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                cr_expect(not(selection_is_meant(others[i])), "%s", others[i]);
}

Test(selection_syntax, finds_an_assignment_in_another) {
        static const char *const with[] = { "yes Exclude=nvme1", "Exclude=", "exclude : nvme1",
                                            "include exclude\t=x" };
        static const char *const without[] = { "",         "yes",
                                               "exclude",  "exclude nvme1",
                                               "Exclud=x", "include exclude" };

        for (size_t i = 0; i < ARRAY_SIZE(with); i++)
                cr_expect(selection_is_mentioned(with[i]), "%s", with[i]);
        for (size_t i = 0; i < ARRAY_SIZE(without); i++)
                cr_expect(not(selection_is_mentioned(without[i])), "%s", without[i]);
}
