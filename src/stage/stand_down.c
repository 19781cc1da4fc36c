/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When to do nothing; see stand_down.h. */

#include "stage/stand_down.h"

#include <fcntl.h>

#include "base/file.h"

#define CMDLINE_MAX ((size_t) 64 * 1024)
#define CGROUP_MAX ((size_t) 64 * 1024)

static bool has_kernel_argument(int root_fd, const char *argument) {
        _cleanup_free_ char *cmdline = NULL;
        char *word, *state = NULL;

        if (file_read_all(root_fd, "proc/cmdline", CMDLINE_MAX, &cmdline) < 0)
                return false;
        for (word = strtok_r(cmdline, " \t\n", &state); word;
             word = strtok_r(NULL, " \t\n", &state))
                if (STREQ(word, argument))
                        return true;
        return false;
}

/* PID 1 hands "container=" on to systemd-shutdown's hooks; in any other case the files tell. */
static bool is_container(int root_fd) {
        const char *container = getenv("container");

        return (container && *container) || file_exists(root_fd, "run/systemd/container") ||
               file_exists(root_fd, "run/host/container-manager");
}

static bool is_kernel_async(int root_fd) {
        _cleanup_free_ char *value = NULL;

        return file_read(root_fd, "sys/module/core/parameters/async_shutdown", &value) >= 0 &&
               STREQ(value, "Y");
}

/* fwupd's own hook runs beside ours and may be activating a drive's firmware. */
static bool may_fwupd_run(int root_fd) {
        return file_exists(root_fd, "var/lib/fwupd/pending.db") &&
               (file_exists(root_fd, "usr/lib/systemd/system-shutdown/fwupd.shutdown") ||
                file_exists(root_fd, "lib/systemd/system-shutdown/fwupd.shutdown"));
}

static int say(const char *text, char **ret_reason) {
        char *reason = strdup(text);

        if (!reason)
                return -ENOMEM;
        *ret_reason = reason;
        return 1;
}

static int say_word(const char *format, const char *word, char **ret_reason) {
        char text[128];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void) snprintf(text, sizeof(text), format, word);
#pragma GCC diagnostic pop
        return say(text, ret_reason);
}

/* The reasons that count on a live machine, too. */
static int stand_down_always(int root_fd, const Config *config, char **ret_reason) {
        if (config->is_selection_uncertain)
                return say(
                        "a part of the configuration that may hold Include= or Exclude= could not "
                        "be read or understood",
                        ret_reason);
        if (has_kernel_argument(root_fd, "nvme_async_shutdown=0"))
                return say("nvme_async_shutdown=0 is on the kernel command line", ret_reason);
        if (is_container(root_fd))
                return say("this is a container", ret_reason);
        return 0;
}

int stand_down(int root_fd, const Config *config, Stage stage, Action action, char **ret_reason) {
        int r;

        if (!config->is_enabled)
                return say("Enabled=no", ret_reason);
        if (!(config->actions & (1U << action)))
                return say_word("Actions= does not name %s", action_to_string(action), ret_reason);
        if (!(config->stages & (1U << stage)))
                return say_word("Stages= does not name %s", stage_to_string(stage), ret_reason);
        r = stand_down_always(root_fd, config, ret_reason);
        if (r != 0)
                return r;
        if (is_kernel_async(root_fd))
                return say("this kernel shuts devices down concurrently itself "
                           "(core.async_shutdown=Y)",
                           ret_reason);
        if (stage == STAGE_HOOK && may_fwupd_run(root_fd))
                return say("fwupd may be activating firmware beside us "
                           "(/var/lib/fwupd/pending.db exists)",
                           ret_reason);
        return 0;
}

static int is_pid1(int root_fd, const char *name) {
        _cleanup_free_ char *comm = NULL;
        int r = file_read(root_fd, "proc/1/comm", &comm);

        return r < 0 ? r : STREQ(comm, name);
}

/* systemd-shutdown replaces PID 1; a process name holds 15 characters. */
static int is_pid1_shutdown(int root_fd) {
        return is_pid1(root_fd, "systemd-shutdow");
}

/* At boot an initrd has the same file, but another PID 1. systemd-shutdown executes /shutdown, be
 * that dracut's script or itself. */
static int is_exitrd(int root_fd) {
        return file_exists(root_fd, "etc/initrd-release") ? is_pid1(root_fd, "shutdown") : 0;
}

/* Whether systemd has started us as the unit of that action: the last part of our control group's
 * path, in the unified hierarchy ("0::/...") or in systemd's own ("1:name=systemd:/..."). */
static int is_unit(int root_fd, Action action) {
        _cleanup_free_ char *groups = NULL;
        char *state = NULL;
        char unit[64];
        int r;

        r = file_read_all(root_fd, "proc/self/cgroup", CGROUP_MAX, &groups);
        if (r < 0)
                return r;
        (void) snprintf(unit, sizeof(unit), "/nvme-async-shutdown-%s.service",
                        action_to_string(action));
        for (const char *line = strtok_r(groups, "\n", &state); line;
             line = strtok_r(NULL, "\n", &state)) {
                const char *slash = strrchr(line, '/');

                if (slash && STREQ(slash, unit) &&
                    (STARTSWITH(line, "0::") || strstr(line, ":name=systemd:")))
                        return 1;
        }
        return 0;
}

int is_shutting_down(int root_fd, Stage stage, Action action) {
        switch (stage) {
        case STAGE_UNIT:
                return is_unit(root_fd, action);
        case STAGE_HOOK:
                return is_pid1_shutdown(root_fd);
        case STAGE_EXITRD:
                return is_exitrd(root_fd);
        default:
                return -EINVAL;
        }
}

/* The words end with a NUL each; the first is the program, or the interpreter of dracut's script.
 */
Action shutting_down_action(int root_fd) {
        _cleanup_close_ int fd = file_open(root_fd, "proc/1/cmdline", O_RDONLY);
        char words[4096];
        ssize_t n = fd < 0 ? -1 : read(fd, words, sizeof(words) - 1);

        if (n < 0)
                return _ACTION_INVALID;
        words[n] = '\0';
        for (const char *word = words + strlen(words) + 1; word < words + n;
             word += strlen(word) + 1) {
                Action action = action_from_string(word);

                if (action >= 0)
                        return action;
        }
        return _ACTION_INVALID;
}

int stand_down_rehearsal(int root_fd, const Config *config, int pending, Action action,
                         char **ret_reason) {
        int r;

        r = stand_down_always(root_fd, config, ret_reason);
        if (r != 0)
                return r;
        if (file_exists(root_fd, "etc/initrd-release"))
                return say("this is an initrd: nobody knows yet what will be needed", ret_reason);
        if (is_pid1_shutdown(root_fd) > 0)
                return say("this machine is shutting down", ret_reason);
        if (pending == -ENOENT)
                return 0;
        if (pending < 0)
                return say_word("could not find out whether the machine is shutting down: %s",
                                strerror(-pending), ret_reason);
        return say_word("this machine is on its way to %s", action_to_string(action), ret_reason);
}
