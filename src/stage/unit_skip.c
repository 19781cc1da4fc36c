/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See unit_skip.h. */

#include "stage/unit_skip.h"

#include "base/atomic_file.h"
#include "base/file.h"
#include "plan/exitrd.h"
#include "stage/overlap.h"
#include "stage/stand_down.h"
#include "stage/survey.h"

#define FILE_BYTES_MAX ((size_t) 4096)

typedef struct Skips {
        char *reasons[_ACTION_MAX]; /* NULL: the unit has work */
} Skips;

static void skips_done(Skips *skips) {
        for (Action action = 0; action < _ACTION_MAX; action++)
                free(skips->reasons[action]);
}

static void format_path(char path[static PATH_MAX], const char *prefix, Action action) {
        (void) snprintf(path, PATH_MAX, "%s%s", prefix, action_to_string(action));
}

/* text: NULL to have no such file. */
static int write_file(int root_fd, const char *prefix, Action action, const char *text) {
        char path[PATH_MAX];
        AtomicFile file;
        int r;

        format_path(path, prefix, action);
        if (!text)
                return unlinkat(root_fd, path, 0) < 0 && errno != ENOENT ? -errno : 0;
        r = atomic_file_open(root_fd, path, 0644, &file);
        if (r < 0)
                return r;
        (void) fprintf(file.stream, "%s\n", text);
        return atomic_file_commit(&file);
}

static int write_link(int root_fd) {
        char path[64];
        unsigned n = 0;

        do
                (void) snprintf(path, sizeof(path), "../../sys/class/nvme/nvme%u", n++);
        while (file_exists(root_fd, path + strlen("../../")));
        if (unlinkat(root_fd, UNIT_NEW_CONTROLLER, 0) < 0 && errno != ENOENT)
                return -errno;
        return symlinkat(path, root_fd, UNIT_NEW_CONTROLLER) < 0 ? -errno : 0;
}

/* Counts the controllers that the unit could take. */
static int count_within_reach(int root_fd, const Config *config, size_t *ret) {
        _cleanup_topology_ Topology topology = TOPOLOGY_INIT;
        _cleanup_plan_ Plan plan = PLAN_INIT;
        int r;

        r = survey_devices(root_fd, false, &topology);
        if (r < 0)
                return r;
        exitrd_release_others(&topology);
        r = plan_make(&topology, config, &plan);
        if (r < 0)
                return r;
        *ret = plan.n_detach;
        return 0;
}

/* Returns 1 and the reason, which the caller frees, if n_reach controllers are too few; 0; or
 * -ENOMEM. */
static int are_too_few(int root_fd, const Config *config, Action action, size_t n_reach,
                       char **ret_reason) {
        Config settled = *config;

        settle_min_controllers(&settled, STAGE_UNIT,
                               may_overlap(root_fd, config, STAGE_UNIT, action));
        if (n_reach >= settled.min_controllers)
                return 0;
        if (asprintf(ret_reason, "%zu NVMe controller%s besides the root's, MinControllers=%u",
                     n_reach, n_reach == 1 ? "" : "s", settled.min_controllers) < 0)
                return -ENOMEM;
        return 1;
}

static int write_action(int root_fd, const Config *config, Action action, size_t n_reach,
                        char **ret_reason) {
        bool is_by_number = false;
        int r, s;

        r = stand_down(root_fd, config, STAGE_UNIT, action, ret_reason);
        if (r == 0) {
                r = are_too_few(root_fd, config, action, n_reach, ret_reason);
                is_by_number = r > 0;
        }
        if (r < 0)
                return r;
        r = write_file(root_fd, UNIT_SKIP_PREFIX, action, is_by_number ? NULL : *ret_reason);
        s = write_file(root_fd, UNIT_TOO_FEW_PREFIX, action, is_by_number ? *ret_reason : NULL);
        return r < 0 ? r : s;
}

/* Adds one line for the first action that has this reason, with all others that have it. */
static int add_line(const Skips *skips, Action first, Lines *lines) {
        const char *reason = skips->reasons[first];
        char names[64] = "";

        for (Action action = 0; action < _ACTION_MAX; action++) {
                size_t n = strlen(names);

                if (!skips->reasons[action] || !STREQ(skips->reasons[action], reason))
                        continue;
                if (action < first)
                        return 0;
                (void) snprintf(names + n, sizeof(names) - n, "%s%s", n > 0 ? ", " : "",
                                action_to_string(action));
        }
        return lines_add(lines, "%s: %s", names, reason);
}

int unit_skip_write(int root_fd, const Config *config, Lines *reasons) {
        _cleanup_(skips_done) Skips skips = {};
        size_t n_reach;
        int r, n = 0;

        if (mkdirat(root_fd, TIMES_DIRECTORY, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = count_within_reach(root_fd, config, &n_reach);
        if (r < 0)
                return r;
        r = write_link(root_fd);
        for (Action action = 0; action < _ACTION_MAX && r >= 0; action++)
                r = write_action(root_fd, config, action, n_reach, &skips.reasons[action]);
        if (r < 0)
                return r;
        for (Action action = 0; action < _ACTION_MAX; action++) {
                if (!skips.reasons[action])
                        continue;
                r = add_line(&skips, action, reasons);
                if (r < 0)
                        return r;
                n++;
        }
        return n;
}

/* Returns 1 and the reason in the file, which the caller frees; 0 if there is no such file; or
 * -errno. */
static int read_reason(int root_fd, const char *prefix, Action action, char **ret_reason) {
        char path[PATH_MAX], *end;
        int r;

        format_path(path, prefix, action);
        r = file_read_all(root_fd, path, FILE_BYTES_MAX, ret_reason);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        end = strchr(*ret_reason, '\n');
        if (end)
                *end = '\0';
        return 1;
}

/* The same, if there are enough controllers by now, but none that is new. */
static int read_outdated_number(int root_fd, const Config *config, Action action,
                                char **ret_reason) {
        _cleanup_free_ char *then = NULL, *now = NULL;
        size_t n_reach;
        int r;

        r = read_reason(root_fd, UNIT_TOO_FEW_PREFIX, action, &then);
        if (r <= 0 || file_exists(root_fd, UNIT_NEW_CONTROLLER))
                return r < 0 ? r : 0;
        r = count_within_reach(root_fd, config, &n_reach);
        if (r >= 0)
                r = are_too_few(root_fd, config, action, n_reach, &now);
        if (r != 0)
                return r < 0 ? r : 0;
        *ret_reason = TAKE_PTR(then);
        return 1;
}

int unit_skip_is_outdated(int root_fd, const Config *config, Action action, char **ret_reason) {
        _cleanup_free_ char *now = NULL;
        int r;

        r = stand_down(root_fd, config, STAGE_UNIT, action, &now);
        if (r != 0)
                return r < 0 ? r : 0;
        r = read_reason(root_fd, UNIT_SKIP_PREFIX, action, ret_reason);
        return r != 0 ? r : read_outdated_number(root_fd, config, action, ret_reason);
}
