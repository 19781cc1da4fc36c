/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Children, pidfds and pipes in one poll(2); see release.h. */

#include "stage/release.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "base/pidfd.h"
#include "base/text.h"

/* Debian 11's headers (glibc 2.31, Linux 5.10) lack both names. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* pstore keeps 10 KB of the kernel log, which is there for the drives. */
#define LOGGED_LINES_MAX 10
#define CUT_MARK "..."
/* What a pipe holds: a program that has ended left no more, and a descendant may write on. */
#define PIPE_BYTES_MAX ((size_t) 64 * 1024)
#define READ_BYTES 4096

static const char *const directories[] = {
        "etc/nvme-async-shutdown/release.d",
        "usr/lib/nvme-async-shutdown/release.d",
};

typedef struct Program {
        ProgramResult *result;
        usec_t started_usec;
        size_t length; /* of the line that is being read */
        pid_t pid;
        int pid_fd; /* -1: not running */
        int output_fd;
        unsigned n_logged, n_dropped; /* lines */
        bool is_cut;
        char line[REASON_MAX];
} Program;

static void refuse(ProgramResult *result, const char *format, ...) _printf_(2, 3);
static void refuse(ProgramResult *result, const char *format, ...) {
        va_list args;

        result->end = PROGRAM_REFUSED;
        va_start(args, format);
        (void) vsnprintf(result->said, sizeof(result->said), format, args);
        va_end(args);
}

/* Checks that only the owner can have changed it. Returns NULL, or the problem. */
static const char *find_stranger(const struct stat *st, uid_t owner) {
        if (st->st_uid != owner)
                return "does not belong to root";
        return st->st_mode & (S_IWGRP | S_IWOTH) ? "is writable by others than its owner" : NULL;
}

/* Opens the next directory of a path. Returns the descriptor, or -errno: -EPERM if others could
 * change it, with the reason in the result. */
static int enter_directory(int parent_fd, const char *name, const char *path, uid_t owner,
                           ProgramResult *result) {
        int fd = openat(parent_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *wrong;
        struct stat st;
        int r;

        if (fd < 0)
                return -errno;
        r = fstat(fd, &st) < 0 ? -errno : 0;
        wrong = r < 0 ? NULL : find_stranger(&st, owner);
        if (r >= 0 && !wrong)
                return fd;
        (void) close(fd);
        if (!wrong)
                return r;
        refuse(result, "the directory %s of /%s %s", name, path, wrong);
        return -EPERM;
}

/* Goes down from the root and checks each directory on the way. Returns as above. */
static int open_directory(int root_fd, const char *path, uid_t owner, ProgramResult *result) {
        _cleanup_free_ char *copy = strdup(path);
        char *state = NULL;
        int fd = -1;

        if (!copy)
                return -ENOMEM;
        for (char *name = strtok_r(copy, "/", &state); name; name = strtok_r(NULL, "/", &state)) {
                int next = enter_directory(fd < 0 ? root_fd : fd, name, path, owner, result);

                close_fd(&fd);
                if (next < 0)
                        return next;
                fd = next;
        }
        return fd;
}

/* Returns NULL, or why the file must not be executed. */
static const char *check_file(const struct stat *st, uid_t owner) {
        if (S_ISLNK(st->st_mode))
                return "is a symbolic link, which is not followed";
        if (!S_ISREG(st->st_mode))
                return "is not a regular file";
        if (!(st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
                return "is not executable";
        return find_stranger(st, owner);
}

/* Looks for the program in one directory. Returns the directory's descriptor; -ENOENT if it has no
 * such program, -EPERM if it is refused. */
static int find_in(int root_fd, const char *path, uid_t owner, ProgramResult *result) {
        _cleanup_close_ int fd = -1;
        const char *wrong;
        struct stat st;

        fd = open_directory(root_fd, path, owner, result);
        if (fd < 0)
                return fd;
        if (fstatat(fd, result->name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
                return -errno;
        wrong = check_file(&st, owner);
        if (!wrong)
                return TAKE(fd, -1);
        refuse(result, "/%s/%s %s", path, result->name, wrong);
        return -EPERM;
}

/* Returns the descriptor of the directory to execute it in, or -errno with a refusal. The program is
 * executed by its name in there: as only the owner can change that directory and all above it, the
 * file is still the one that was checked. By a descriptor, a script would need /dev/fd. */
static int find_program(int root_fd, uid_t owner, ProgramResult *result) {
        for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
                int r = find_in(root_fd, directories[i], owner, result);

                if (r >= 0 || r == -EPERM)
                        return r;
                if (r == -ENOENT || r == -ENOTDIR)
                        continue;
                refuse(result, "/%s/%s: %s", directories[i], result->name, strerror(-r));
                return r;
        }
        refuse(result, "neither in /%s nor in /%s", directories[0], directories[1]);
        return -ENOENT;
}

/* Our caller may have left any signal ignored or blocked. Only SIGPIPE is ignored, as for
 * systemd's services: a program at work must not be ended by writing to us once we are gone. */
static void reset_signals(void) {
        sigset_t none;

        for (int number = 1; number < _NSIG; number++)
                if (number != SIGKILL && number != SIGSTOP)
                        (void) signal(number, SIG_DFL);
        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Moves a descriptor above the standard ones, which execute() replaces: if our caller left one of
 * those closed, this may have got its number. Returns the new descriptor, close-on-exec, or a negative
 * number. */
static int lift_descriptor(int fd) {
        int lifted = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        close_fd(&fd);
        return lifted;
}

/* The program gets no descriptor that our caller left open; ours are close-on-exec. A kernel before
 * 5.11 can't do this, ignoring. */
static void close_foreign_descriptors(void) {
        (void) syscall(SYS_close_range, STDERR_FILENO + 1U, UINT_MAX, CLOSE_RANGE_CLOEXEC);
}

static void execute(const ProgramResult *result, const ReleaseOptions *options, int directory_fd,
                    int output_fd) {
        char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
        char file[PROGRAM_NAME_MAX + 2], action[16], stage[48];
        char *argv[] = { file, action, NULL };
        char *environment[] = { path, locale, stage, NULL };
        int input_fd = lift_descriptor(open("/dev/null", O_RDONLY | O_CLOEXEC));

        (void) snprintf(file, sizeof(file), "./%s", result->name);
        (void) snprintf(action, sizeof(action), "%s", action_to_string(options->action));
        (void) snprintf(stage, sizeof(stage), "NVME_ASYNC_SHUTDOWN_STAGE=%s",
                        stage_to_string(options->stage));
        (void) setpgid(0, 0);
        (void) umask(0022);
        reset_signals();
        if (dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0 ||
            input_fd < 0 || dup2(input_fd, STDIN_FILENO) < 0 || fchdir(directory_fd) < 0)
                _exit(126);
        close_foreign_descriptors();
        (void) execve(file, argv, environment);
        (void) dprintf(STDERR_FILENO, "could not be executed: %s\n", strerror(errno));
        _exit(126);
}

/* Only our end does not block: O_NONBLOCK belongs to the open file, and each end has its own. */
static int open_pipe(int *ret_read, int *ret_write) {
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        *ret_read = lift_descriptor(ends[0]);
        *ret_write = lift_descriptor(ends[1]);
        if (*ret_read < 0 || *ret_write < 0)
                return -EMFILE;
        return fcntl(*ret_read, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* A child that can't be watched is ended at once. 0 or -errno. */
static int fork_program(Program *program, const ReleaseOptions *options, int directory_fd,
                        int write_fd) {
        program->started_usec = usec_now();
        program->pid = fork();
        if (program->pid < 0)
                return -errno;
        if (program->pid == 0)
                execute(program->result, options, directory_fd, write_fd);
        /* The child does the same: whichever comes first. */
        (void) setpgid(program->pid, program->pid);
        program->pid_fd = pidfd_of(program->pid);
        if (program->pid_fd >= 0)
                return 0;
        (void) kill(program->pid, SIGKILL);
        (void) waitpid(program->pid, NULL, WNOHANG);
        return program->pid_fd;
}

static void start_program(int root_fd, const ReleaseOptions *options, Program *program) {
        _cleanup_close_ int directory_fd = -1, write_fd = -1;
        int r;

        directory_fd = find_program(root_fd, options->owner, program->result);
        if (directory_fd < 0)
                return;
        r = open_pipe(&program->output_fd, &write_fd);
        if (r >= 0)
                r = fork_program(program, options, directory_fd, write_fd);
        if (r < 0)
                refuse(program->result, "could not be started: %s", strerror(-r));
}

/* Ends a line of output, which becomes the result's. The one that was the result's is logged. */
static void take_line(Program *program) {
        char *said = program->result->said;

        program->line[program->length] = '\0';
        if (program->is_cut)
                memcpy(program->line + sizeof(program->line) - sizeof(CUT_MARK), CUT_MARK,
                       sizeof(CUT_MARK));
        for (char *c = program->line; *c; c++)
                if (*c == '\t')
                        *c = ' ';
        text_clean_attribute(program->line);
        /* The values of our own entries begin like this: no output may look like one. */
        for (char *at = program->line; (at = strstr(at, "(stage="));)
                *at = '[';
        program->length = 0;
        program->is_cut = false;
        if (!*program->line)
                return;
        if (*said && program->n_logged < LOGGED_LINES_MAX) {
                log_info("Release=%s: %s", program->result->name, said);
                program->n_logged++;
        } else if (*said)
                program->n_dropped++;
        memcpy(said, program->line, strlen(program->line) + 1);
}

static void take_output(Program *program, const char *text, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (text[i] == '\n')
                        take_line(program);
                else if (program->length + 1 < sizeof(program->line))
                        program->line[program->length++] = (char) (text[i] ? text[i] : '?');
                else
                        program->is_cut = true;
}

/* Reads once. Returns how many bytes; 0 if there are none now, or no more. */
static size_t read_output(Program *program) {
        char text[READ_BYTES];
        ssize_t n = program->output_fd < 0 ? 0 : read(program->output_fd, text, sizeof(text));

        if (n > 0) {
                take_output(program, text, (size_t) n);
                return (size_t) n;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        close_fd(&program->output_fd);
        program->output_fd = -1;
        return 0;
}

static void end_program(Program *program) {
        ProgramResult *result = program->result;

        for (size_t total = 0, n; total < PIPE_BYTES_MAX && (n = read_output(program)) > 0;)
                total += n;
        take_line(program);
        if (program->n_dropped > 0)
                log_info("Release=%s: %u more lines are not shown.", result->name,
                         program->n_dropped);
        result->usec = usec_now() - program->started_usec;
        close_fd(&program->output_fd);
        close_fd(&program->pid_fd);
        program->output_fd = program->pid_fd = -1;
}

static void reap_program(Program *program) {
        ProgramResult *result = program->result;
        int status = 0;

        if (waitpid(program->pid, &status, WNOHANG) != program->pid)
                refuse(result, "its exit status is unknown");
        else if (WIFSIGNALED(status)) {
                result->end = PROGRAM_KILLED;
                result->status = (unsigned) WTERMSIG(status);
        } else {
                result->status = (unsigned) WEXITSTATUS(status);
                result->end = result->status == 0 ? PROGRAM_DONE : PROGRAM_FAILED;
        }
        end_program(program);
}

/* The kernel's pass waits for no process, so neither do we. What the program had said by then is of
 * interest, not what it says about the signal. */
static void abandon_program(Program *program) {
        program->result->end = PROGRAM_LATE;
        end_program(program);
        if (kill(-program->pid, SIGTERM) < 0)
                log_warning("Could not end Release=%s, ignoring: %s", program->result->name,
                            strerror(errno));
}

/* Waits for the next event of a program that runs. Returns how many programs run. */
static size_t serve_programs(Program *programs, size_t n, usec_t deadline) {
        struct pollfd events[2 * PROGRAMS_MAX];
        usec_t now = usec_now(), left = deadline > now ? deadline - now : 0;
        usec_t msec = (left + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
        size_t n_running = 0;

        for (size_t i = 0; i < n; i++) {
                events[2 * i] = (struct pollfd){ programs[i].output_fd, POLLIN, 0 };
                events[2 * i + 1] = (struct pollfd){ programs[i].pid_fd, POLLIN, 0 };
        }
        if (poll(events, 2 * n, msec > INT_MAX ? INT_MAX : (int) msec) < 0)
                return n;
        for (size_t i = 0; i < n; i++) {
                if (events[2 * i].revents)
                        (void) read_output(&programs[i]);
                if (events[2 * i + 1].revents)
                        reap_program(&programs[i]);
                n_running += programs[i].pid_fd >= 0;
        }
        return n_running;
}

static usec_t find_deadline(const ReleaseOptions *options) {
        const usec_t latest = usec_now() + options->timeout_usec;

        return latest < options->deadline ? latest : options->deadline;
}

size_t release_run(int root_fd, char *const *names, const ReleaseOptions *options,
                   ProgramResult results[static PROGRAMS_MAX]) {
        const usec_t deadline = find_deadline(options);
        Program programs[PROGRAMS_MAX];
        size_t n = 0, n_running = 0;

        if (options->stage == STAGE_UNIT)
                return 0;
        /* Our caller may have left it ignored, and then the kernel keeps no exit status. */
        (void) signal(SIGCHLD, SIG_DFL);
        for (; names && names[n] && n < PROGRAMS_MAX; n++) {
                results[n] = (ProgramResult){ .end = PROGRAM_REFUSED };
                (void) snprintf(results[n].name, sizeof(results[n].name), "%s", names[n]);
                programs[n] = (Program){ .result = &results[n], .pid_fd = -1, .output_fd = -1 };
                start_program(root_fd, options, &programs[n]);
                n_running += programs[n].pid_fd >= 0;
        }
        while (n_running > 0 && usec_now() < deadline)
                n_running = serve_programs(programs, n, deadline);
        for (size_t i = 0; i < n; i++) {
                if (programs[i].pid_fd >= 0)
                        abandon_program(&programs[i]);
                close_fd(&programs[i].output_fd);
        }
        return n;
}
