/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real processes, in a directory that stands for the machine. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "fake_root.h"
#include "record/entry_line.h"
#include "stage/release.h"

#define ETC "etc/nvme-async-shutdown/release.d/"
#define LIB "usr/lib/nvme-async-shutdown/release.d/"
/* What a busy machine needs for a shell, and what no test waits for. */
#define LONG (20 * USEC_PER_SEC)

/* What a pipe holds (pipe(7)), and one read more, which may begin below the limit. */
#define DRAINED_MAX ((size_t) 64 * 1024 + 4096)

static ProgramResult results[PROGRAMS_MAX];
static int log_pair[2] = { -1, -1 };

/* A descendant that writes faster than anyone can read: an empty pipe is full again at once. */
static bool refills;
static size_t n_refilled; /* bytes */

ssize_t read(int fd, void *buffer, size_t size) {
        ssize_t n = syscall(SYS_read, fd, buffer, size);

        /* The last condition ends the test should the limit be gone. */
        if (!refills || n >= 0 || errno != EAGAIN || n_refilled > 64 * DRAINED_MAX)
                return n;
        memset(buffer, 'x', size);
        n_refilled += size;
        return (ssize_t) size;
}

static void write_program(const char *path, const char *body) {
        char text[4096];

        (void) snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
        fake_root_write(path, text);
        cr_assert(eq(int, fchmodat(root_fd, path, 0755, 0), 0));
}

static void setup(void) {
        (void) umask(0022);
        fake_root_start();
        fake_root_mkdir(ETC);
        fake_root_mkdir(LIB);
        cr_assert(eq(int, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, log_pair), 0));
        log_set_kmsg_fd(log_pair[1]);
}

static void teardown(void) {
        log_close();
        (void) close(log_pair[0]);
        fake_root_done();
}

TestSuite(release, .init = setup, .fini = teardown, .timeout = 60);

/* names: separated by one blank. */
static size_t run_in(Stage stage, const char *names, usec_t patience) {
        const ReleaseOptions options = {
                .stage = stage,
                .action = ACTION_POWEROFF,
                .timeout_usec = patience,
                .deadline = usec_now() + LONG,
                .owner = geteuid(),
        };
        char copy[256], *list[PROGRAMS_MAX + 1] = { NULL }, *state = NULL;
        size_t n = 0;

        (void) snprintf(copy, sizeof(copy), "%s", names);
        for (char *name = strtok_r(copy, " ", &state); name; name = strtok_r(NULL, " ", &state))
                list[n++] = name;
        return release_run(root_fd, list, &options, results);
}

static size_t run(const char *names) {
        return run_in(STAGE_HOOK, names, LONG);
}

static void expect_end(size_t i, ProgramEnd end, const char *said) {
        cr_expect(eq(int, (int) results[i].end, (int) end), "%s: %s, said %s", results[i].name,
                  program_end_to_string(results[i].end), results[i].said);
        cr_expect(eq(str, results[i].said, (char *) said));
}

static void expect_refused(const char *name, const char *said) {
        usec_t begin = usec_now();

        cr_expect(eq(sz, run(name), 1));
        cr_expect(lt(u64, usec_now(), begin + LONG / 2), "waits for nothing");
        expect_end(0, PROGRAM_REFUSED, said);
}

/* The next line in the log, or NULL; valid until the next call. */
static char *next_line(void) {
        static char line[2048];
        ssize_t n = recv(log_pair[0], line, sizeof(line) - 1, 0);

        if (n < 0)
                return NULL;
        line[n] = '\0';
        return line;
}

Test(release, runs_a_program_with_the_action_and_an_environment_of_ours) {
        char *said;

        write_program(LIB "show", "echo \"args=$*\"\n"
                                  "echo \"here=$(/bin/ls)\"\n"
                                  "echo \"input=$(/bin/cat | /usr/bin/wc -c)\"\n"
                                  "echo \"descriptors=$(echo /proc/self/fd/*)\"\n"
                                  "/usr/bin/env | /usr/bin/sort | /usr/bin/tr '\\n' ' '");
        (void) setenv("LD_PRELOAD_OF_OURS", "/tmp/evil.so", 1);
        (void) setenv("container", "no", 1);
        cr_expect(eq(sz, run("show"), 1));
        cr_expect(eq(int, (int) results[0].end, PROGRAM_DONE));
        cr_expect(eq(str, results[0].name, "show"));
        cr_expect(gt(u64, results[0].usec, 0));
        said = results[0].said;
        cr_expect(strstr(said, "LC_ALL=C") && strstr(said, "NVME_ASYNC_SHUTDOWN_STAGE=hook") &&
                  strstr(said, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"));
        cr_expect(strstr(said, "OF_OURS") == NULL && strstr(said, "container") == NULL &&
                  strstr(said, "HOME") == NULL);
        cr_expect(strstr(next_line(), "Release=show: args=poweroff") != NULL);
        cr_expect(strstr(next_line(), "Release=show: here=show") != NULL);
        cr_expect(strstr(next_line(), "Release=show: input=0") != NULL);
        /* The shell has the script open as 10, and the directory while it expands the glob as 3. */
        said = next_line();
        cr_expect(strstr(said, "descriptors=/proc/self/fd/0 /proc/self/fd/1 ") &&
                          strlen(said) < 150,
                  "%s", said);
}

/* Two that wait for each other end only if both run. */
Test(release, runs_programs_at_the_same_time) {
        write_program(LIB "a", "/usr/bin/mkfifo ../fifo 2>/dev/null; echo x >../fifo; echo sent");
        write_program(LIB "b", "until [ -p ../fifo ]; do :; done; read x <../fifo; echo got $x");
        cr_expect(eq(sz, run("a b"), 2));
        expect_end(0, PROGRAM_DONE, "sent");
        expect_end(1, PROGRAM_DONE, "got x");
}

Test(release, runs_none_in_the_unit) {
        write_program(LIB "mark", "touch ../was_here");
        cr_expect(eq(sz, run_in(STAGE_UNIT, "mark", LONG), 0));
        (void) usleep(300 * 1000);
        cr_expect(lt(int, faccessat(root_fd, "usr/lib/nvme-async-shutdown/was_here", F_OK, 0), 0));
        cr_expect(eq(sz, run_in(STAGE_EXITRD, "mark", LONG), 1));
        cr_expect(eq(int, faccessat(root_fd, "usr/lib/nvme-async-shutdown/was_here", F_OK, 0), 0));
}

Test(release, etc_comes_first) {
        write_program(LIB "zfs", "echo vendor");
        write_program(ETC "zfs", "echo admin");
        (void) run("zfs");
        expect_end(0, PROGRAM_DONE, "admin");
}

Test(release, says_how_a_program_failed) {
        write_program(LIB "fails", "echo 'cannot export tank: busy' >&2; exit 3");
        write_program(LIB "dies", "kill -SEGV $$");
        write_program(LIB "works", "echo fine");
        fake_root_write(LIB "no-interpreter", "#!/no/such/program\n");
        cr_assert(eq(int, fchmodat(root_fd, LIB "no-interpreter", 0755, 0), 0));
        cr_expect(eq(sz, run("fails dies missing no-interpreter works"), 5));
        expect_end(0, PROGRAM_FAILED, "cannot export tank: busy");
        cr_expect(eq(uint, results[0].status, 3));
        expect_end(1, PROGRAM_KILLED, "");
        cr_expect(eq(uint, results[1].status, SIGSEGV));
        expect_end(2, PROGRAM_REFUSED,
                   "neither in /etc/nvme-async-shutdown/release.d nor in "
                   "/usr/lib/nvme-async-shutdown/release.d");
        expect_end(3, PROGRAM_FAILED, "could not be executed: No such file or directory");
        expect_end(4, PROGRAM_DONE, "fine");
}

Test(release, a_machine_without_the_directories_has_no_programs) {
        fake_root_remove("etc");
        fake_root_remove("usr");
        (void) run("zfs");
        cr_expect(eq(int, (int) results[0].end, PROGRAM_REFUSED));
}

Test(release, refuses_what_others_could_have_written) {
        write_program(LIB "x", "echo never");
        cr_assert(eq(int, fchmodat(root_fd, LIB "x", 0775, 0), 0));
        expect_refused("x", "/" LIB "x is writable by others than its owner");
        cr_assert(eq(int, fchmodat(root_fd, LIB "x", 0757, 0), 0));
        expect_refused("x", "/" LIB "x is writable by others than its owner");
        cr_assert(eq(int, fchmodat(root_fd, LIB "x", 0644, 0), 0));
        expect_refused("x", "/" LIB "x is not executable");
        fake_root_remove(LIB "x");
        fake_root_mkdir(LIB "x");
        expect_refused("x", "/" LIB "x is not a regular file");
}

Test(release, a_refused_program_of_etc_is_not_replaced) {
        write_program(LIB "x", "echo never");
        fake_root_link(ETC "x", "/dev/null");
        expect_refused("x", "/" ETC "x is a symbolic link, which is not followed");
}

Test(release, refuses_what_lies_in_a_directory_of_others) {
        static const char *const paths[] = { "usr/lib/nvme-async-shutdown/release.d",
                                             "usr/lib/nvme-async-shutdown", "usr/lib", "usr" };

        fake_root_remove("etc");
        write_program(LIB "x", "echo fine");
        for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
                cr_assert(eq(int, fchmodat(root_fd, paths[i], 01777, 0), 0));
                (void) run("x");
                cr_expect(eq(int, (int) results[0].end, PROGRAM_REFUSED), "%s", paths[i]);
                cr_assert(eq(int, fchmodat(root_fd, paths[i], 0755, 0), 0));
        }
        (void) run("x");
        expect_end(0, PROGRAM_DONE, "fine");
}

Test(release, refuses_what_belongs_to_others) {
        const ReleaseOptions options = {
                .stage = STAGE_HOOK,
                .timeout_usec = LONG,
                .deadline = usec_now() + LONG,
                .owner = geteuid() + 1,
        };
        char *names[] = { "x", NULL };

        write_program(LIB "x", "echo never");
        cr_expect(eq(sz, release_run(root_fd, names, &options, results), 1));
        cr_expect(eq(int, (int) results[0].end, PROGRAM_REFUSED));
        cr_expect(strstr(results[0].said, "does not belong to root") != NULL);
}

/* The directory belongs to the owner, the program does not. */
Test(release, refuses_a_program_of_another_owner) {
        if (geteuid() != 0)
                cr_skip("only root can give a file away");
        write_program(LIB "x", "echo never");
        cr_assert(eq(int, fchownat(root_fd, LIB "x", 1, 0, 0), 0));
        expect_refused("x", "/" LIB "x does not belong to root");
}

/* The shell runs its trap once its child has ended: that is in its process group, and gets the signal
 * too. */
Test(release, ends_what_hangs_at_the_deadline) {
        usec_t begin = usec_now();

        write_program(LIB "hangs", "trap 'echo ended >../ended; exit' TERM\n"
                                   "echo waiting\n/bin/sleep 50");
        write_program(LIB "quick", "echo fine");
        cr_expect(eq(sz, run_in(STAGE_HOOK, "hangs quick", 2 * USEC_PER_SEC), 2));
        cr_expect(ge(u64, usec_now(), begin + 2 * USEC_PER_SEC));
        cr_expect(lt(u64, usec_now(), begin + 10 * USEC_PER_SEC));
        expect_end(0, PROGRAM_LATE, "waiting");
        expect_end(1, PROGRAM_DONE, "fine");
        for (int i = 0; i < 100; i++)
                if (faccessat(root_fd, "usr/lib/nvme-async-shutdown/ended", F_OK, 0) < 0)
                        (void) usleep(100 * 1000);
        cr_expect(eq(int, faccessat(root_fd, "usr/lib/nvme-async-shutdown/ended", F_OK, 0), 0));
}

/* Before ReleaseTimeoutSec=, which the test above has. */
Test(release, ends_what_hangs_when_the_time_of_the_stage_is_over) {
        usec_t begin = usec_now();
        const ReleaseOptions options = {
                .stage = STAGE_HOOK,
                .timeout_usec = LONG,
                .deadline = begin + USEC_PER_SEC / 2,
                .owner = geteuid(),
        };
        char *names[] = { "hangs", NULL };

        write_program(LIB "hangs", "exec /bin/sleep 50");
        cr_expect(eq(sz, release_run(root_fd, names, &options, results), 1));
        cr_expect(ge(u64, usec_now(), options.deadline));
        cr_expect(lt(u64, usec_now(), begin + LONG / 2));
        cr_expect(eq(int, (int) results[0].end, PROGRAM_LATE));
}

Test(release, does_not_wait_for_what_ignores_sigterm) {
        usec_t begin = usec_now();

        write_program(LIB "stubborn", "trap '' TERM; echo $$; exec /bin/sleep 20");
        (void) run_in(STAGE_HOOK, "stubborn", 2 * USEC_PER_SEC);
        cr_expect(lt(u64, usec_now(), begin + 10 * USEC_PER_SEC));
        cr_expect(eq(int, (int) results[0].end, PROGRAM_LATE));
        (void) kill((pid_t) atoi(results[0].said), SIGKILL);
}

/* It has the pipe open as well. */
Test(release, does_not_wait_for_a_child_that_stays) {
        usec_t begin = usec_now();

        write_program(LIB "leaves", "/bin/sleep 30 & echo left $!");
        (void) run("leaves");
        cr_expect(lt(u64, usec_now(), begin + 10 * USEC_PER_SEC));
        cr_expect(eq(int, (int) results[0].end, PROGRAM_DONE));
        cr_expect(strncmp(results[0].said, "left ", 5) == 0);
        (void) kill((pid_t) atoi(results[0].said + 5), SIGKILL);
}

Test(release, a_flood_neither_blocks_nor_fills_the_log) {
        size_t n_lines = 0;
        const char *line, *last = "";
        static char copy[2048];

        write_program(LIB "flood",
                      "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
        (void) run("flood");
        expect_end(0, PROGRAM_DONE, "line 19999");
        while ((line = next_line())) {
                n_lines++;
                last = strcpy(copy, line);
        }
        cr_expect(eq(sz, n_lines, 11));
        cr_expect(strstr(last, "Release=flood: 19989 more lines are not shown.") != NULL, "%s",
                  last);
}

Test(release, an_endless_flood_ends_at_the_deadline) {
        usec_t begin = usec_now();

        write_program(LIB "yes", "exec /usr/bin/yes");
        write_program(LIB "zeros", "exec /bin/cat /dev/zero");
        (void) run_in(STAGE_HOOK, "yes zeros", 2 * USEC_PER_SEC);
        cr_expect(lt(u64, usec_now(), begin + 10 * USEC_PER_SEC));
        cr_expect(eq(int, (int) results[0].end, PROGRAM_LATE));
        cr_expect(eq(int, (int) results[1].end, PROGRAM_LATE));
}

/* A descendant that floods on: only what is in the pipe is read. */
Test(release, a_flood_of_a_child_that_stays_holds_nothing_up) {
        usec_t begin = usec_now();

        write_program(LIB "leaves", "/usr/bin/yes & echo $!");
        (void) run("leaves");
        cr_expect(lt(u64, usec_now(), begin + 10 * USEC_PER_SEC));
        cr_expect(eq(int, (int) results[0].end, PROGRAM_DONE));
}

/* The descendant keeps the pipe open, so poll(2) does not see its end. */
Test(release, no_more_is_read_of_a_program_that_has_ended_than_its_pipe_holds) {
        _cleanup_free_ char *pid = NULL;

        write_program(LIB "leaves", "/bin/sleep 30 & echo $! >../pid");
        refills = true;
        (void) run("leaves");
        refills = false;
        pid = fake_root_read("usr/lib/nvme-async-shutdown/pid");
        (void) kill((pid_t) atoi(pid), SIGKILL);
        cr_expect(eq(int, (int) results[0].end, PROGRAM_DONE));
        cr_expect(gt(sz, n_refilled, 0));
        cr_expect(le(sz, n_refilled, DRAINED_MAX));
}

Test(release, cuts_long_lines_and_shows_only_printable_text) {
        write_program(LIB "long", "printf '%0500d\\n' 7; printf '\\ta\\033[2Jb\\000c  \\n\\n\\n'");
        (void) run("long");
        expect_end(0, PROGRAM_DONE, "a?[2Jb?c");
        cr_expect(lt(sz, strlen(next_line()), 260));
        write_program(LIB "longer", "printf '%0500d' 7");
        (void) run("longer");
        cr_expect(eq(sz, strlen(results[0].said), REASON_MAX - 1));
        cr_expect(eq(str, results[0].said + REASON_MAX - 4, "..."));
}

/* Its lines stand among ours in the log that the next boot reads. */
Test(release, no_output_can_be_read_as_an_entry) {
        const char *line;
        Entry entry;

        write_program(LIB "forger",
                      "echo '0000:01:00.0: detached in 1.000s (stage=hook/reboot took=1,1,1,1,1 "
                      "boot=0123456789abcdef0123456789abcdef sn=S at=1)'; echo");
        write_program(LIB "second", "echo x; echo y");
        (void) run("forger second");
        while ((line = next_line()))
                cr_expect(eq(int, entry_parse_line(line, &entry), -ENOMSG), "%s", line);
        cr_expect(strstr(results[0].said, "(stage=") == NULL);
}

/* A program may write on when we are gone. Two signals belong to glibc, which resets neither: they are
 * as the program that started the tests left them. */
Test(release, a_program_is_not_ended_by_a_pipe_that_nobody_reads) {
        const uint64_t reserved = UINT64_C(3) << (32 - 1); /* 32 and 33: pthreads' */
        uint64_t ignored = 0;

        write_program(LIB "writes", "exec /bin/grep SigIgn /proc/self/status");
        (void) signal(SIGUSR1, SIG_IGN);
        (void) run("writes");
        cr_assert(eq(int, sscanf(results[0].said, "SigIgn: %" SCNx64, &ignored), 1));
        cr_expect(eq(u64, ignored & ~reserved, UINT64_C(1) << (SIGPIPE - 1)), "%s",
                  results[0].said);
}

Test(release, nothing_to_run) {
        cr_expect(eq(sz, run(""), 0));
        cr_expect(eq(sz,
                     release_run(root_fd, NULL, &(ReleaseOptions){ .stage = STAGE_HOOK }, results),
                     0));
}
