/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From files to a Config; see config.h. The keys and their values are in config_keys.c. */

#include "config.h"

#include <ini.h>
#include <syslog.h>

#include "conf_files.h"
#include "config_keys.h"
#include "sysfs.h"

#define FILE_NAME "nvme-async-shutdown.conf"
#define SECTION "Shutdown"
#define FILE_SIZE_MAX (64 * 1024)

/* One file being read. inih does not tell its handler which line it is at (Debian builds it so), so
 * the reader counts. */
typedef struct Reader {
        Config *config;
        bool *is_assigned; /* by key, over all files */
        const char *path;
        const char *at;
        unsigned line;
        unsigned reported_line; /* the handler has spoken about it already */
        ConfigProblem problem;
        void *userdata;
} Reader;

static void report(Reader *reader, int level, unsigned line, const char *message) {
        char path[4096];

        (void) snprintf(path, sizeof(path), "/%s", reader->path);
        if (level == LOG_ERR)
                reader->config->n_errors++;
        reader->reported_line = line;
        if (reader->problem)
                reader->problem(reader->userdata, level, path, line, message);
}

/* Replaces fgets(): the next line into buffer. inih's buffer is fixed (INI_MAX_LINE, 200 in Debian
 * 12) and it would take the rest of a longer line for a line of its own. */
static char *read_line(char *buffer, int size, void *userdata) {
        Reader *reader = userdata;
        size_t length = strcspn(reader->at, "\n");

        if (!*reader->at)
                return NULL;
        reader->line++;
        if (length + 2 > (size_t) size) {
                char message[96];

                (void) snprintf(message, sizeof(message),
                                "Line is longer than %d characters, ignoring it.", size - 2);
                report(reader, LOG_ERR, reader->line, message);
                (void) strcpy(buffer, "\n");
        } else
                (void) snprintf(buffer, (size_t) size, "%.*s\n", (int) length, reader->at);
        reader->at += length;
        if (*reader->at)
                reader->at++;
        return buffer;
}

static void remember_origin(Reader *reader, ConfigKey key) {
        char *origin;

        if (asprintf(&origin, "/%s:%u", reader->path, reader->line) < 0)
                return;
        free(reader->config->origin[key]);
        reader->config->origin[key] = origin;
}

/* Always 1: an error of ours is not one of the file's syntax. */
static int on_assignment(void *userdata, const char *section, const char *name, const char *value) {
        Reader *reader = userdata;
        char message[320], why[160];
        ConfigKey key;
        int r;

        if (!STREQ(section, SECTION)) {
                (void) snprintf(message, sizeof(message),
                                "%.80s= is in section [%.80s], only [" SECTION "] is known, "
                                "ignoring.",
                                name, section);
                report(reader, LOG_WARNING, reader->line, message);
                return 1;
        }
        key = config_key_from_string(name);
        if (key == _CONFIG_KEY_MAX) {
                (void) snprintf(message, sizeof(message), "Unknown key %.80s=, ignoring.", name);
                report(reader, LOG_WARNING, reader->line, message);
                return 1;
        }
        r = config_key_parse(reader->config, key, value, !reader->is_assigned[key], why,
                             sizeof(why));
        if (r < 0) {
                (void) snprintf(message, sizeof(message), "%s=%.80s: %s, ignoring.",
                                config_key_name(key), value, why);
                report(reader, LOG_ERR, reader->line, message);
                return 1;
        }
        reader->is_assigned[key] = true;
        remember_origin(reader, key);
        return 1;
}

static void read_file(int root_fd, Reader *reader) {
        _cleanup_free_ char *text = NULL;
        char message[160];
        int r;

        r = sysfs_read_all(root_fd, reader->path, FILE_SIZE_MAX, &text);
        if (r < 0) {
                const char *why = r == -EINVAL  ? "it holds NUL bytes, so it is no text"
                                  : r == -EFBIG ? "it is larger than 64 KiB"
                                                : strerror(-r);

                (void) snprintf(message, sizeof(message), "Could not be read, ignoring: %s.", why);
                report(reader, LOG_ERR, 0, message);
                return;
        }
        reader->at = text;
        r = ini_parse_stream(read_line, reader, on_assignment, reader);
        if (r < 0)
                report(reader, LOG_ERR, 0, "Could not be parsed for want of memory, ignoring.");
        else if (r > 0 && (unsigned) r != reader->reported_line)
                report(reader, LOG_ERR, (unsigned) r,
                       "Neither [Section], NAME=VALUE nor a comment, ignoring this line and any "
                       "other like it.");
}

int config_read(int root_fd, ConfigProblem problem, void *userdata, Config *ret) {
        bool is_assigned[_CONFIG_KEY_MAX] = {};
        char **paths = NULL;
        Config config;
        int r;

        r = conf_files_list(root_fd, FILE_NAME, &paths);
        if (r < 0)
                return r;
        config_set_defaults(&config);
        for (char **path = paths; *path; path++) {
                Reader reader = {
                        .config = &config,
                        .is_assigned = is_assigned,
                        .path = *path,
                        .problem = problem,
                        .userdata = userdata,
                };

                read_file(root_fd, &reader);
        }
        conf_files_free(paths);
        *ret = config;
        return 0;
}

void config_done(Config *config) {
        for (ConfigKey key = 0; key < _CONFIG_KEY_MAX; key++)
                free(config->origin[key]);
        conf_files_free(config->include);
        conf_files_free(config->exclude);
        *config = (Config){};
}
