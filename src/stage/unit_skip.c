/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See unit_skip.h. */

#include "stage/unit_skip.h"

#include "base/atomic_file.h"
#include "base/file.h"
#include "stage/stand_down.h"

#define FILE_BYTES_MAX ((size_t) 4096)

typedef struct Skips {
        char *reasons[_ACTION_MAX]; /* NULL: the unit has work */
} Skips;

static void skips_done(Skips *skips) {
        for (Action action = 0; action < _ACTION_MAX; action++)
                free(skips->reasons[action]);
}

static void format_path(char path[static PATH_MAX], Action action) {
        (void) snprintf(path, PATH_MAX, "%s%s", UNIT_SKIP_PREFIX, action_to_string(action));
}

/* text: NULL to have no such file. */
static int write_file(int root_fd, const char *path, const char *text) {
        AtomicFile file;
        int r;

        if (!text)
                return unlinkat(root_fd, path, 0) < 0 && errno != ENOENT ? -errno : 0;
        r = atomic_file_open(root_fd, path, 0644, &file);
        if (r < 0)
                return r;
        (void) fprintf(file.stream, "%s\n", text);
        return atomic_file_commit(&file);
}

static int write_action(int root_fd, const Config *config, Action action, char **ret_reason) {
        char path[PATH_MAX];
        int r;

        r = stand_down(root_fd, config, STAGE_UNIT, action, ret_reason);
        if (r < 0)
                return r;
        format_path(path, action);
        return write_file(root_fd, path, *ret_reason);
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
        int r, n = 0;

        if (mkdirat(root_fd, TIMES_DIRECTORY, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = write_file(root_fd, UNIT_ONE_IS_ENOUGH,
                       config->min_controllers <= 1 ? "MinControllers=1" : NULL);
        for (Action action = 0; action < _ACTION_MAX && r >= 0; action++)
                r = write_action(root_fd, config, action, &skips.reasons[action]);
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

int unit_skip_is_outdated(int root_fd, const Config *config, Action action, char **ret_reason) {
        _cleanup_free_ char *then = NULL, *now = NULL;
        char path[PATH_MAX], *end;
        int r;

        format_path(path, action);
        r = file_read_all(root_fd, path, FILE_BYTES_MAX, &then);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = stand_down(root_fd, config, STAGE_UNIT, action, &now);
        if (r != 0)
                return r < 0 ? r : 0;
        end = strchr(then, '\n');
        if (end)
                *end = '\0';
        *ret_reason = TAKE_PTR(then);
        return 1;
}
