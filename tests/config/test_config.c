/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>

#include "config/config.h"
#include "fake_root.h"

#define MAIN "etc/nvme-async-shutdown.conf"
#define DROP_INS "etc/nvme-async-shutdown.conf.d/"

static Config config;
static char problems[8192];
static unsigned n_problems;

static void on_problem(void *userdata, int level, const char *file, unsigned line,
                       const char *message) {
        size_t used = strlen(problems);

        n_problems++;
        (void) snprintf(problems + used, sizeof(problems) - used, "%s %s:%u: %s\n",
                        level == LOG_ERR ? "error" : "warning", file, line, message);
}

static void teardown(void) {
        config_done(&config);
        fake_root_done();
}

TestSuite(config, .init = fake_root_start, .fini = teardown, .timeout = 10);

static void read_config(void) {
        config_done(&config);
        *problems = '\0';
        n_problems = 0;
        cr_assert(eq(int, config_read(root_fd, on_problem, NULL, &config), 0));
}

static void read_text(const char *text) {
        fake_root_write(MAIN, text);
        read_config();
}

static void expect_value(ConfigKey key, const char *expected) {
        _cleanup_free_ char *value = NULL;

        cr_assert(eq(int, config_key_format(&config, key, &value), 0));
        cr_expect(eq(str, value, (char *) expected), "%s", config_key_name(key));
}

static void expect_defaults(void) {
        expect_value(CONFIG_ENABLED, "no");
        expect_value(CONFIG_STAGES, "unit hook exitrd");
        expect_value(CONFIG_ACTIONS, "reboot poweroff kexec");
        expect_value(CONFIG_ORDER, "hierarchy");
        expect_value(CONFIG_TIMEOUT_SEC, "40s");
        expect_value(CONFIG_MAX_PARALLEL, "0");
        expect_value(CONFIG_MIN_CONTROLLERS, "auto");
        expect_value(CONFIG_INCLUDE, "");
        expect_value(CONFIG_EXCLUDE, "");
        expect_value(CONFIG_FLUSH, "yes");
        expect_value(CONFIG_PERSIST_LOG, "auto");
        expect_value(CONFIG_RELEASE, "");
        expect_value(CONFIG_RELEASE_TIMEOUT_SEC, "10s");
        expect_value(CONFIG_OVERLAP, "auto");
}

Test(config, without_any_file_is_the_defaults_and_disabled) {
        read_config();
        expect_defaults();
        cr_expect(not(config.is_enabled));
        cr_expect(eq(uint, n_problems, 0));
        cr_expect(eq(uint, config.n_errors, 0));
        cr_expect(eq(ptr, config.origin[CONFIG_ENABLED], NULL));
}

Test(config, auto_takes_a_number_back) {
        read_text("[Shutdown]\nMinControllers=3\nMinControllers=auto\n");
        cr_expect(eq(str, problems, ""));
        cr_expect(eq(uint, config.min_controllers, MIN_CONTROLLERS_AUTO));
        expect_value(CONFIG_MIN_CONTROLLERS, "auto");
}

Test(config, takes_every_key) {
        read_text("# a comment\n"
                  "[Shutdown]\n"
                  "Enabled=yes\n"
                  "Stages=hook\n"
                  "Actions=reboot halt\n"
                  "Order=two-pass\n"
                  "TimeoutSec=12.5\n"
                  "MaxParallel=8\n"
                  "MinControllers=3\n"
                  "Include=nvme* 0000:0?:00.0\n"
                  "Exclude=SERIAL-1\n"
                  "Flush=off\n"
                  "PersistLog=pstore\n"
                  "Release=zfs md-containers\n"
                  "ReleaseTimeoutSec=5\n"
                  "Overlap=on\n");
        cr_expect(eq(str, problems, ""));
        expect_value(CONFIG_ENABLED, "yes");
        expect_value(CONFIG_STAGES, "hook");
        expect_value(CONFIG_ACTIONS, "reboot halt");
        expect_value(CONFIG_ORDER, "two-pass");
        expect_value(CONFIG_TIMEOUT_SEC, "12.5s");
        expect_value(CONFIG_MAX_PARALLEL, "8");
        expect_value(CONFIG_MIN_CONTROLLERS, "3");
        expect_value(CONFIG_INCLUDE, "nvme* 0000:0?:00.0");
        expect_value(CONFIG_EXCLUDE, "SERIAL-1");
        expect_value(CONFIG_FLUSH, "no");
        expect_value(CONFIG_PERSIST_LOG, "pstore");
        expect_value(CONFIG_RELEASE, "zfs md-containers");
        expect_value(CONFIG_RELEASE_TIMEOUT_SEC, "5s");
        expect_value(CONFIG_OVERLAP, "yes");
        cr_expect(eq(str, config.origin[CONFIG_FLUSH], "/" MAIN ":12"));
        cr_expect(eq(u64, config.timeout_usec, 12500000));
}

Test(config, a_drop_in_overrides_the_main_file) {
        fake_root_write(DROP_INS "90-last.conf", "[Shutdown]\nEnabled=no\nTimeoutSec=7\n");
        fake_root_write("usr/lib/nvme-async-shutdown.conf.d/10-first.conf",
                        "[Shutdown]\nTimeoutSec=5\nMaxParallel=4\n");
        read_text("[Shutdown]\nEnabled=yes\nTimeoutSec=3\n");
        expect_value(CONFIG_ENABLED, "no");
        expect_value(CONFIG_TIMEOUT_SEC, "7s");
        expect_value(CONFIG_MAX_PARALLEL, "4");
        cr_expect(eq(str, config.origin[CONFIG_TIMEOUT_SEC], "/" DROP_INS "90-last.conf:3"));
        cr_expect(eq(str, config.origin[CONFIG_MAX_PARALLEL],
                     "/usr/lib/nvme-async-shutdown.conf.d/10-first.conf:3"));
}

Test(config, lists_replace_the_default_then_add_up_and_can_be_cleared) {
        fake_root_write(DROP_INS "50-more.conf", "[Shutdown]\nActions=halt\nExclude=c\n");
        read_text("[Shutdown]\nActions=kexec\nExclude=a\nExclude=b\nInclude=x\nInclude=\n");
        expect_value(CONFIG_ACTIONS, "halt kexec");
        expect_value(CONFIG_EXCLUDE, "a b c");
        expect_value(CONFIG_INCLUDE, "");
        cr_expect(eq(ptr, config.include, NULL));
        read_text("[Shutdown]\nStages=unit\nStages=\n");
        cr_expect(eq(uint, config.stages, 0));
}

Test(config, release_names_each_program_once) {
        fake_root_write(DROP_INS "50-more.conf", "[Shutdown]\nRelease=my_own.sh zfs\n");
        read_text("[Shutdown]\nRelease=bcache\nRelease=\nRelease=zfs  nvmet\tzfs\n");
        cr_expect(eq(str, problems, ""));
        expect_value(CONFIG_RELEASE, "zfs nvmet my_own.sh");
}

/* Each leaves the list as it was, and says where it stands. */
Test(config, release_takes_no_paths) {
        static const char *const bad[] = {
                "../evil",    "/bin/sh",   "a/b",
                ".hidden",    "zfs .",     "\"zfs\"",
                "zfs;reboot", "zfs,nvmet", "0123456789012345678901234567890123456789",
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                char text[128];

                (void) snprintf(text, sizeof(text),
                                "[Shutdown]\nRelease=nvmet\nRelease=bcache %s\n", bad[i]);
                read_text(text);
                expect_value(CONFIG_RELEASE, "nvmet");
                cr_expect(eq(uint, config.n_errors, 1), "%s", bad[i]);
                cr_expect(not(config.is_selection_uncertain));
                cr_expect(ne(ptr,
                             (void *) strstr(problems, "must be names of programs in release.d"),
                             NULL),
                          "%s", problems);
        }
}

Test(config, release_names_at_most_16_programs) {
        char text[256] = "[Shutdown]\nRelease=";

        for (int i = 0; i <= PROGRAMS_MAX; i++) {
                size_t n = strlen(text);

                (void) snprintf(text + n, sizeof(text) - n, " p%d", i);
        }
        read_text(text);
        expect_value(CONFIG_RELEASE, "");
        cr_expect(eq(uint, config.n_errors, 1));
}

struct bad_row {
        char line[64];
        char problem[160];
};

/* Each keeps the default and is reported with its line and the allowed values. */
ParameterizedTestParameters(config, refuses_a_bad_value) {
        static struct bad_row rows[] = {
                { "Enabled=maybe", "Enabled=maybe: must be yes or no, ignoring." },
                { "Enabled=", "Enabled=: must be yes or no, ignoring." },
                { "PersistLog=yes", "PersistLog=yes: must be auto, pstore or no, ignoring." },
                { "Overlap=pstore", "Overlap=pstore: must be auto, yes or no, ignoring." },
                { "Flush=2", "Flush=2: must be yes or no, ignoring." },
                { "Flush=yess", "Flush=yess: must be yes or no, ignoring." },
                { "Stages=unit boot",
                  "Stages=unit boot: must be words out of unit hook exitrd, ignoring." },
                { "Actions=exit",
                  "Actions=exit: must be words out of reboot poweroff halt kexec, ignoring." },
                { "Order=random",
                  "Order=random: must be hierarchy, leaves, two-pass or serial, ignoring." },
                { "TimeoutSec=0", "TimeoutSec=0: must be a time from 1s to 80s, ignoring." },
                { "TimeoutSec=999ms",
                  "TimeoutSec=999ms: must be a time from 1s to 80s, ignoring." },
                { "TimeoutSec=80.1", "TimeoutSec=80.1: must be a time from 1s to 80s, ignoring." },
                { "TimeoutSec=2min", "TimeoutSec=2min: must be a time from 1s to 80s, ignoring." },
                { "TimeoutSec=", "TimeoutSec=: must be a time from 1s to 80s, ignoring." },
                { "TimeoutSec=-5", "TimeoutSec=-5: must be a time from 1s to 80s, ignoring." },
                { "TimeoutSec=nan", "TimeoutSec=nan: must be a time from 1s to 80s, ignoring." },
                { "TimeoutSec=1e1", "TimeoutSec=1e1: must be a time from 1s to 80s, ignoring." },
                { "TimeoutSec=5h", "TimeoutSec=5h: must be a time from 1s to 80s, ignoring." },
                { "TimeoutSec=infinity",
                  "TimeoutSec=infinity: must be a time from 1s to 80s, ignoring." },
                { "ReleaseTimeoutSec=0",
                  "ReleaseTimeoutSec=0: must be a time from 1s to 80s, ignoring." },
                { "MaxParallel=1025",
                  "MaxParallel=1025: must be a number from 0 to 1024, ignoring." },
                { "MaxParallel=-1", "MaxParallel=-1: must be a number from 0 to 1024, ignoring." },
                { "MaxParallel=4x", "MaxParallel=4x: must be a number from 0 to 1024, ignoring." },
                { "MaxParallel=99999999999999999999",
                  "MaxParallel=99999999999999999999: must be a number from 0 to 1024, ignoring." },
                { "MinControllers=0",
                  "MinControllers=0: must be auto, or a number from 1 to 1024, ignoring." },
                { "MinControllers=1025",
                  "MinControllers=1025: must be auto, or a number from 1 to 1024, ignoring." },
        };

        return cr_make_param_array(struct bad_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct bad_row *row, config, refuses_a_bad_value) {
        char text[128], expected[256];

        (void) snprintf(text, sizeof(text), "[Shutdown]\n\n%s\n", row->line);
        (void) snprintf(expected, sizeof(expected), "error /" MAIN ":3: %s\n", row->problem);
        read_text(text);
        cr_expect(eq(str, problems, expected));
        cr_expect(eq(uint, config.n_errors, 1));
        expect_defaults();
}

struct boolean_row {
        char text[8];
        bool value;
};

ParameterizedTestParameters(config, understands_booleans) {
        static struct boolean_row rows[] = {
                { "yes", true }, { "true", true },   { "on", true },   { "1", true },
                { "y", true },   { "t", true },      { "YES", true },  { "oN", true },
                { "no", false }, { "false", false }, { "off", false }, { "0", false },
                { "n", false },  { "f", false },     { "NO", false },  { "Off", false },
        };

        return cr_make_param_array(struct boolean_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct boolean_row *row, config, understands_booleans) {
        char text[64];

        /* The opposite comes first, so that an ignored value shows. */
        (void) snprintf(text, sizeof(text), "[Shutdown]\nEnabled=%d\nEnabled=%s\n", !row->value,
                        row->text);
        read_text(text);
        cr_expect(eq(str, problems, ""));
        cr_expect(eq(int, config.is_enabled, row->value));
}

struct time_row {
        char text[16];
        uint64_t usec;
};

ParameterizedTestParameters(config, understands_times) {
        static struct time_row rows[] = {
                { "1", 1000000 },     { "40s", 40000000 },   { "40 s", 40000000 },
                { "1.5", 1500000 },   { "2.5sec", 2500000 }, { "1500ms", 1500000 },
                { "1min", 60000000 }, { "80", 80000000 },
        };

        return cr_make_param_array(struct time_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct time_row *row, config, understands_times) {
        char text[64];

        (void) snprintf(text, sizeof(text), "[Shutdown]\nTimeoutSec=%s\n", row->text);
        read_text(text);
        cr_expect(eq(str, problems, ""));
        cr_expect(eq(u64, config.timeout_usec, row->usec));
}

Test(config, a_bad_value_keeps_the_earlier_one) {
        read_text("[Shutdown]\nMaxParallel=6\nMaxParallel=many\n");
        expect_value(CONFIG_MAX_PARALLEL, "6");
        cr_expect(eq(str, config.origin[CONFIG_MAX_PARALLEL], "/" MAIN ":2"));
}

Test(config, warns_of_unknown_keys_and_sections_and_goes_on) {
        read_text("Enabled=yes\n[Other]\nFlush=no\n[Shutdown]\nenabled=yes\nMaxParallel=2\n");
        cr_expect(eq(str, problems,
                     "warning /" MAIN ":1: Enabled= is in section [], only [Shutdown] is known, "
                     "ignoring.\n"
                     "warning /" MAIN ":3: Flush= is in section [Other], only [Shutdown] is known, "
                     "ignoring.\n"
                     "warning /" MAIN ":5: Unknown key enabled=, ignoring.\n"));
        cr_expect(not(config.is_enabled));
        cr_expect(eq(uint, config.n_errors, 0));
        expect_value(CONFIG_MAX_PARALLEL, "2");
}

Test(config, reports_a_line_that_is_no_assignment) {
        read_text("[Shutdown]\nMaxParallel=2\nwhat is this\nFlush=no\n");
        cr_expect(eq(str, problems,
                     "error /" MAIN ":3: Neither [Section], NAME=VALUE nor a comment, ignoring "
                     "this line and any other like it.\n"));
        expect_value(CONFIG_FLUSH, "no");
}

/* A misspelt Exclude= protects no drive: nothing may be touched then. */
ParameterizedTestParameters(config, is_uncertain_where_a_selection_may_be_meant) {
        static struct bad_row rows[] = {
                /* spelling and section; [Shutdown] follows again */
                { "exclude=nvme1", "exclude= in section [Shutdown] is unknown" },
                { "EXCLUDE=nvme1", "EXCLUDE= in section [Shutdown] is unknown" },
                { "include=nvme1", "include= in section [Shutdown] is unknown" },
                { "Excludes=nvme1", "Excludes= in section [Shutdown] is unknown" },
                { "Exlude=nvme1", "Exlude= in section [Shutdown] is unknown" },
                { "Exlcude=nvme1", "Exlcude= in section [Shutdown] is unknown" },
                { "Ex clude=nvme1", "Ex clude= in section [Shutdown] is unknown" },
                { "IncludeGlobs=nvme1", "IncludeGlobs= in section [Shutdown] is unknown" },
                { "//Exclude=nvme1", "//Exclude= in section [Shutdown] is unknown" },
                { "Exclude+=nvme1", "Exclude+= in section [Shutdown] is unknown" },
                { "\xef\xbb\xbf"
                  "Exclude=nvme1",
                  "???Exclude= in section [Shutdown] is unknown" },
                { "[shutdown]\nExclude=nvme1", "Exclude= in section [shutdown] is unknown" },
                { "[Shutdown ]\nExclude=nvme1", "Exclude= in section [Shutdown ] is unknown" },
                { "[Other]\nExclude=nvme1", "Exclude= in section [Other] is unknown" },
                { "[Exclude]\nnvme1=yes", "nvme1= in section [Exclude] is unknown" },
                { "Ignore=x Exclude: nvme1", "Ignore= in section [Shutdown] is unknown" },
                { "Flush=no Exclude = nvme1", "Flush=no Exclude = nvme1: must be yes or no; no" },
                /* no assignment at all */
                { "Exclude nvme1", "Neither [Section], NAME=VALUE nor a comment" },
                { "Exclude", "Neither [Section], NAME=VALUE nor a comment" },
                { "[Shutdown] Exclude=nvme1", "Neither [Section], NAME=VALUE nor a comment" },
                { "# old\rExclude=nvme1", "Holds a carriage return that is not at its end" },
                { "Flush=no\rExclude=nvme1", "Holds a carriage return that is not at its end" },
                /* values */
                { "Exclude=/dev/nvme1", "Exclude=/dev/nvme1: \"/dev/nvme1\" selects no contro" },
                { "Exclude=\"nvme1\"", "Exclude=\"nvme1\": \"\"nvme1\"\" selects no controller" },
                { "Exclude=nvme0,nvme1", "Exclude=nvme0,nvme1: \"nvme0,nvme1\" selects no cont" },
                { "Include=nvme1n1", "Include=nvme1n1: \"nvme1n1\" selects no controller" },
                { "Exclude=nvme1 # not it", "Exclude=nvme1 # not it: \"#\" selects no controlle" },
                { "Exclude==nvme1", "Exclude==nvme1: \"=nvme1\" selects no controller" },
                { "Exclude=nvme0 \\", "Exclude=nvme0 \\: \"\\\" selects no controller" },
        };

        return cr_make_param_array(struct bad_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct bad_row *row, config, is_uncertain_where_a_selection_may_be_meant) {
        bool is_second = strchr(row->line, '\n');
        char text[256], expected[256];

        (void) snprintf(text, sizeof(text), "[Shutdown]\n%s\n[Shutdown]\nMaxParallel=3\n",
                        row->line);
        (void) snprintf(expected, sizeof(expected), "error /" MAIN ":%d: %s", is_second ? 3 : 2,
                        row->problem);
        read_text(text);
        cr_expect(eq(int, strncmp(problems, expected, strlen(expected)), 0), "%s", problems);
        cr_expect(eq(uint, n_problems, 1), "%s", problems);
        cr_expect(eq(uint, config.n_errors, 1));
        cr_expect(config.is_selection_uncertain);
        expect_value(CONFIG_MAX_PARALLEL, "3");
}

Test(config, is_uncertain_where_a_selection_is_in_no_section) {
        read_text("Exclude=nvme1\n[Shutdown]\nEnabled=yes\n");
        cr_expect(eq(str, problems,
                     "error /" MAIN ":1: Exclude= in section [] is unknown and may be meant to "
                     "select controllers: no controller is touched until it is Include= or "
                     "Exclude=, in this spelling, in section [Shutdown].\n"));
        cr_expect(config.is_selection_uncertain);
        cr_expect(config.is_enabled);
}

Test(config, a_byte_order_mark_hides_nothing) {
        read_text("\xef\xbb\xbf[Shutdown] Exclude=nvme1\n[Shutdown]\nEnabled=yes\n");
        cr_expect(eq(str, problems,
                     "error /" MAIN ":1: Neither [Section], NAME=VALUE nor a comment, ignoring "
                     "it.\n"));
        cr_expect(config.is_selection_uncertain);
}

/* A misspelt other key is harmless: it makes nothing be touched. */
Test(config, is_certain_of_a_correct_selection) {
        static const char *const lines[] = {
                "Exclude=nvme1",   "  Exclude = nvme1 \r",
                "Exclude: nvme1",  "Exclude=nvme1 ; mine",
                "Exclude=nvme1\r", "#exclude=/dev/nvme1\nExclude=nvme1",
        };
        char text[128];

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                (void) snprintf(text, sizeof(text),
                                "\xef\xbb\xbf[Shutdown] # ours\r\n%s\nmaxparallel=3\n", lines[i]);
                read_text(text);
                cr_expect(not(config.is_selection_uncertain), "%s", problems);
                cr_expect(eq(uint, n_problems, 1), "%s", problems);
                cr_expect(eq(uint, config.n_errors, 0));
                expect_value(CONFIG_EXCLUDE, "nvme1");
        }
}

/* A run stands down all the same, but plan can show what the good globs select. */
Test(config, the_good_globs_of_a_bad_list_stay) {
        read_text("[Shutdown]\nExclude=nvme0\nExclude=nvme1 /dev/nvme2 'nvme3' nvme4\n");
        cr_expect(eq(str, problems,
                     "error /" MAIN ":3: Exclude=nvme1 /dev/nvme2 'nvme3' nvme4: \"/dev/nvme2\" "
                     "selects no controller: paths are not looked up, write the controller's name "
                     "(nvme1), PCI address or serial number (and ? for a / in a model); no "
                     "controller is touched until this is fixed.\n"));
        expect_value(CONFIG_EXCLUDE, "nvme0 nvme1 nvme4");
        cr_expect(eq(str, config.origin[CONFIG_EXCLUDE], "/" MAIN ":3"));
        cr_expect(config.is_selection_uncertain);
}

/* Messages reach a terminal. */
Test(config, a_message_is_printable) {
        read_text("[Shutdown]\nExclude=\x1b[2Jnvme1\n");
        cr_expect(eq(ptr, strchr(problems, '\x1b'), NULL), "%s", problems);
        cr_expect(ne(ptr, (void *) strstr(problems, "\"?[2Jnvme1\" selects no"), NULL), "%s",
                  problems);
}

/* Only a line feed ends a line, however long it is. */
Test(config, takes_a_line_of_any_length) {
        char text[10100] = "[Shutdown]\nExclude=";
        size_t start = strlen(text);

        memset(text + start, 'x', 10000);
        (void) strcat(text, "\nMaxParallel=3\n");
        read_text(text);
        cr_expect(eq(str, problems, ""));
        cr_expect(not(config.is_selection_uncertain));
        cr_assert(ne(ptr, config.exclude, NULL));
        cr_expect(eq(sz, strlen(config.exclude[0]), 10000));
        expect_value(CONFIG_MAX_PARALLEL, "3");
        cr_expect(eq(str, config.origin[CONFIG_MAX_PARALLEL], "/" MAIN ":3"));
}

Test(config, takes_no_part_of_a_long_line_for_another_line) {
        char text[10100] = "[Shutdown]\nExclude=";
        size_t start = strlen(text);

        memset(text + start, 'x', 10000);
        for (size_t i = start + 150; i < start + 9900; i += 40)
                memcpy(text + i, " Enabled=yes ", 13);
        read_text(text);
        cr_expect(not(config.is_enabled));
        cr_expect(config.is_selection_uncertain);
        cr_expect(eq(uint, n_problems, 1));
}

Test(config, a_comment_may_be_of_any_length) {
        char text[600] = "[Shutdown]\n  # ";

        memset(text + strlen(text), 'x', 500);
        (void) strcat(text, "\nMaxParallel=3\n");
        read_text(text);
        cr_expect(eq(str, problems, ""));
        cr_expect(eq(str, config.origin[CONFIG_MAX_PARALLEL], "/" MAIN ":3"));
}

/* It does not continue the last value: here, Enabled=no would become yes. */
Test(config, an_indented_line_is_a_line_like_any_other) {
        read_text("  [Shutdown]\nEnabled=no\n\n\tyes\n  MaxParallel=3\n");
        cr_expect(eq(str, problems,
                     "error /" MAIN ":4: Neither [Section], NAME=VALUE nor a comment, ignoring "
                     "this line and any other like it.\n"));
        cr_expect(not(config.is_enabled));
        cr_expect(eq(str, config.origin[CONFIG_ENABLED], "/" MAIN ":2"));
        cr_expect(eq(str, config.origin[CONFIG_MAX_PARALLEL], "/" MAIN ":5"));
}

ParameterizedTestParameters(config, keys_after_a_broken_section_are_in_no_known_section) {
        static struct bad_row rows[] = {
                { "[Other", "Neither [Section], NAME=VALUE nor a comment, ignoring it." },
                { "[Other ;]", "Neither [Section], NAME=VALUE nor a comment, ignoring it." },
                { "[", "Neither [Section], NAME=VALUE nor a comment, ignoring it." },
        };

        return cr_make_param_array(struct bad_row, rows, ARRAY_SIZE(rows));
}

ParameterizedTest(struct bad_row *row, config,
                  keys_after_a_broken_section_are_in_no_known_section) {
        char text[256], expected[512];

        (void) snprintf(text, sizeof(text),
                        "[Shutdown]\n%s\nEnabled=yes\n[Shutdown]\nMaxParallel=3\n", row->line);
        (void) snprintf(expected, sizeof(expected),
                        "error /" MAIN ":2: %s\n"
                        "warning /" MAIN ":3: Enabled= is in section [?], only [Shutdown] is "
                        "known, ignoring.\n",
                        row->problem);
        read_text(text);
        cr_expect(eq(str, problems, expected));
        cr_expect(not(config.is_enabled));
        expect_value(CONFIG_MAX_PARALLEL, "3");
}

/* A message holds only its start. */
Test(config, compares_the_whole_of_a_long_section_name) {
        char text[700], expected[300];

        (void) snprintf(text, sizeof(text), "[Shutdown%0500d]\nEnabled=yes\n", 0);
        (void) snprintf(expected, sizeof(expected),
                        "warning /" MAIN ":2: Enabled= is in section [Shutdown%072d], only "
                        "[Shutdown] is known, ignoring.\n",
                        0);
        read_text(text);
        cr_expect(eq(str, problems, expected));
        cr_expect(not(config.is_enabled));
}

Test(config, reads_files_with_crlf_and_without_a_last_newline) {
        read_text("[Shutdown]\r\nEnabled=yes\r\nMaxParallel=9");
        cr_expect(eq(str, problems, ""));
        cr_expect(config.is_enabled);
        expect_value(CONFIG_MAX_PARALLEL, "9");
}

Test(config, files_without_any_key_are_no_problem) {
        static const char *const texts[] = { "", "\n", " \t", "\r\n\r\n", "# a", "[Shutdown]" };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                read_text(texts[i]);
                cr_expect(eq(str, problems, ""), "text %zu", i);
                expect_defaults();
        }
}

Test(config, refuses_binary_files) {
        static char data[5000];
        unsigned seed = 1;

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (char) ((seed = seed * 1103515245U + 12345U) >> 16);
        fake_root_write_binary(MAIN, data, sizeof(data));
        read_config();
        cr_expect(eq(str, problems,
                     "error /" MAIN ":0: Could not be read, ignoring: it holds NUL bytes, so it is "
                     "not text.\n"));
        expect_defaults();
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = data[i] ? data[i] : '=';
        fake_root_write_binary(MAIN, data, sizeof(data));
        read_config();
        cr_expect(gt(uint, n_problems, 0));
        expect_defaults();
}

/* Another reader may see the text after a NUL. */
Test(config, takes_nothing_from_a_file_with_a_nul) {
        static const char data[] = "[Shutdown]\nEnabled=yes\n#\0\nExclude=nvme1\n";

        fake_root_write_binary(MAIN, data, sizeof(data) - 1);
        read_config();
        cr_expect(eq(uint, config.n_errors, 1));
        cr_expect(config.is_selection_uncertain);
        expect_defaults();
}

Test(config, refuses_files_that_are_too_large) {
        static char text[70000];

        memset(text, '#', sizeof(text) - 1);
        read_text(text);
        cr_expect(eq(str, problems,
                     "error /" MAIN
                     ":0: Could not be read, ignoring: it is larger than 64 KiB.\n"));
}

Test(config, reports_unreadable_files_and_reads_the_rest) {
        fake_root_link(MAIN, "nvme-async-shutdown.conf");
        fake_root_write(DROP_INS "50-dir.conf/file", "");
        fake_root_write(DROP_INS "60-good.conf", "[Shutdown]\nMaxParallel=5\n");
        read_config();
        cr_expect(eq(str, problems,
                     "error /" MAIN ":0: Could not be read, ignoring: Too many levels of symbolic "
                     "links.\n"
                     "error /" DROP_INS "50-dir.conf:0: Could not be read, ignoring: Is a "
                     "directory.\n"));
        expect_value(CONFIG_MAX_PARALLEL, "5");
        cr_expect(eq(uint, config.n_errors, 2));
}

/* As another user, since root never gets EACCES. */
static void read_config_as_nobody(void) {
        if (geteuid() == 0) {
                cr_assert(eq(int, chmod(fake_root_path(""), 0755), 0));
                cr_assert(eq(int, seteuid(65534), 0));
        }
        read_config();
        if (getuid() == 0)
                cr_assert(eq(int, seteuid(0), 0));
}

Test(config, reports_a_directory_that_may_not_be_listed) {
        fake_root_write(DROP_INS "50-a.conf", "[Shutdown]\nEnabled=yes\n");
        fake_root_write("usr/lib/nvme-async-shutdown.conf.d/60-b.conf",
                        "[Shutdown]\nMaxParallel=5\n");
        cr_assert(eq(int, chmod(fake_root_path(DROP_INS), 0), 0));
        read_config_as_nobody();
        cr_assert(eq(int, chmod(fake_root_path(DROP_INS), 0755), 0));
        cr_expect(eq(str, problems,
                     "error /etc/nvme-async-shutdown.conf.d:0: Could not be read, ignoring: "
                     "Permission denied.\n"));
        cr_expect(not(config.is_enabled));
        expect_value(CONFIG_MAX_PARALLEL, "5");
}

Test(config, reports_a_directory_that_may_not_be_searched) {
        fake_root_write(MAIN, "[Shutdown]\nEnabled=yes\n");
        fake_root_write("usr/lib/nvme-async-shutdown.conf", "[Shutdown]\nEnabled=yes\n");
        cr_assert(eq(int, chmod(fake_root_path("etc"), 0), 0));
        read_config_as_nobody();
        cr_assert(eq(int, chmod(fake_root_path("etc"), 0755), 0));
        cr_expect(eq(str, problems,
                     "error /" MAIN ":0: Could not be read, ignoring: Permission denied.\n"
                     "error /etc/nvme-async-shutdown.conf.d:0: Could not be read, ignoring: "
                     "Permission denied.\n"));
        expect_defaults();
}

Test(config, reports_a_file_that_may_not_be_read) {
        fake_root_write(MAIN, "[Shutdown]\nEnabled=yes\n");
        cr_assert(eq(int, chmod(fake_root_path(MAIN), 0), 0));
        read_config_as_nobody();
        cr_expect(eq(str, problems,
                     "error /" MAIN ":0: Could not be read, ignoring: Permission denied.\n"));
        cr_expect(not(config.is_enabled));
}

/* Opening could block or have an effect: it arms /dev/watchdog. */
Test(config, opens_only_regular_files) {
        fake_root_link(DROP_INS "50-device.conf", "/dev/zero");
        cr_assert(eq(int, mkfifo(fake_root_path(MAIN), 0600), 0));
        read_config();
        cr_expect(eq(str, problems,
                     "error /" MAIN ":0: Could not be read, ignoring: it is not a regular file.\n"
                     "error /" DROP_INS "50-device.conf:0: Could not be read, ignoring: it is not "
                     "a regular file.\n"));
        expect_defaults();
}

Test(config, a_main_file_that_leads_nowhere_does_not_let_a_lower_one_decide) {
        fake_root_link(MAIN, "nowhere");
        fake_root_write("usr/lib/nvme-async-shutdown.conf", "[Shutdown]\nEnabled=yes\n");
        read_config();
        cr_expect(eq(str, problems,
                     "error /" MAIN ":0: Could not be read, ignoring: No such file or directory."
                     "\n"));
        expect_defaults();
}

Test(config, keeps_at_most_256_globs) {
        char text[4096] = "[Shutdown]\n";

        for (int i = 0; i < 300; i++)
                (void) strcat(text, i % 30 == 0 ? "\nExclude=x" : " x");
        read_text(text);
        cr_expect(gt(uint, config.n_errors, 0));
        cr_expect(eq(str, config.exclude[255], "x"));
        cr_expect(eq(ptr, config.exclude[256], NULL));
}

Test(config, words_and_enums_agree_both_ways) {
        for (Stage stage = 0; stage < _STAGE_MAX; stage++)
                cr_expect(eq(int, stage_from_string(stage_to_string(stage)), stage));
        for (Action action = 0; action < _ACTION_MAX; action++)
                cr_expect(eq(int, action_from_string(action_to_string(action)), action));
        for (Order order = 0; order < _ORDER_MAX; order++)
                cr_expect(eq(int, order_from_string(order_to_string(order)), order));
        cr_expect(eq(int, action_from_string("exit"), _ACTION_INVALID));
        cr_expect(eq(int, action_from_string(""), _ACTION_INVALID));
        cr_expect(eq(int, stage_from_string("Unit"), _STAGE_INVALID));
}

Test(config, is_uncertain_if_a_selection_may_be_lost) {
        read_text("[Shutdown]\nEnabled=yes\nTimeoutSec=never\nColour=red\nExclude=a\n");
        cr_expect(not(config.is_selection_uncertain));
        read_text("[Shutdown]\nEnabled=yes\nExclude a\n");
        cr_expect(config.is_selection_uncertain);
        read_text("[Shutdown\nExclude=a\n");
        cr_expect(config.is_selection_uncertain);
        fake_root_write(DROP_INS "50-dir.conf/file", "");
        read_text("[Shutdown]\nEnabled=yes\n");
        cr_expect(config.is_selection_uncertain);
}
