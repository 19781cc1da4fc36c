/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From files to a Config; see config.h. The keys and their values are in config_keys.c. */

#include "config.h"

#include <fcntl.h>
#include <ini.h>
#include <sys/stat.h>
#include <syslog.h>

#include "conf_files.h"
#include "config_keys.h"
#include "sysfs.h"

#define FILE_NAME "nvme-async-shutdown.conf"
#define SECTION "Shutdown"
#define FILE_SIZE_MAX ((size_t) 64 * 1024)
#define NO_SYNTAX "Neither [Section], NAME=VALUE nor a comment, ignoring "

/* One file being read. inih does not tell its handler which line it is at (Debian builds it so), so
 * the reader counts. */
typedef struct Reader {
        Config *config;
        bool *is_assigned; /* by key, over all files */
        const char *path;
        const char *at;
        unsigned line;
        ConfigProblem problem;
        void *userdata;
} Reader;

static void report(Reader *reader, int level, unsigned line, const char *message) {
        char path[4096];

        (void) snprintf(path, sizeof(path), "/%s", reader->path);
        if (level == LOG_ERR)
                reader->config->n_errors++;
        if (reader->problem)
                reader->problem(reader->userdata, level, path, line, message);
}

/* A '[' without a name and its ']' behind it: inih would go on in the section before. */
static bool is_broken_section(const char *line) {
        return *line == '[' && line[1 + strcspn(line + 1, "];\n")] != ']';
}

/* What inih is to see in place of a line that it would misread, or NULL; says what is wrong. The
 * keys behind a broken section belong to no section that is known. */
static const char *replace_line(Reader *reader, const char *line, size_t length, size_t max) {
        char message[96];

        if (*line == '#' || *line == ';')
                return "";
        if (length <= max && !is_broken_section(line))
                return NULL;
        if (length > max)
                (void) snprintf(message, sizeof(message),
                                "Line is longer than %zu characters, ignoring it.", max);
        else
                (void) snprintf(message, sizeof(message), NO_SYNTAX "it.");
        reader->config->is_selection_uncertain = true;
        report(reader, LOG_ERR, reader->line, message);
        return *line == '[' ? "[?]" : "";
}

/* Replaces fgets(): the next line into buffer. inih's buffer is fixed (INI_MAX_LINE, 200 in Debian
 * 12) and it would take the rest of a longer line for a line of its own; and it would take an
 * indented line for more of the last value, whatever stands between the two. */
static char *read_line(char *buffer, int size, void *userdata) {
        Reader *reader = userdata;
        const char *line = reader->at, *replacement;
        size_t length = strcspn(line, "\n"), indent = strspn(line, " \t\r\v\f");

        if (!*line)
                return NULL;
        reader->line++;
        reader->at += length + (line[length] == '\n');
        line += indent;
        length -= indent;
        replacement = replace_line(reader, line, length, (size_t) size - 2);
        if (replacement)
                (void) snprintf(buffer, (size_t) size, "%s\n", replacement);
        else
                (void) snprintf(buffer, (size_t) size, "%.*s\n", (int) length, line);
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
                                config_key_name(key), value, r == -EINVAL ? why : strerror(-r));
                if (key == CONFIG_INCLUDE || key == CONFIG_EXCLUDE)
                        reader->config->is_selection_uncertain = true;
                report(reader, LOG_ERR, reader->line, message);
                return 1;
        }
        reader->is_assigned[key] = true;
        remember_origin(reader, key);
        return 1;
}

/* NULL where the file can be read; else why not. */
static const char *read_text(int root_fd, const char *path, char **ret_text) {
        struct stat st;
        int r;

        /* Opening alone can do something: it arms a watchdog, it rewinds a tape. */
        if (fstatat(root_fd, path, &st, AT_NO_AUTOMOUNT) >= 0 && !S_ISREG(st.st_mode) &&
            !S_ISDIR(st.st_mode))
                return "it is not a regular file";
        r = sysfs_read_all(root_fd, path, FILE_SIZE_MAX, ret_text);
        if (r == -EINVAL)
                return "it holds NUL bytes, so it is no text";
        if (r == -EFBIG)
                return "it is larger than 64 KiB";
        return r < 0 ? strerror(-r) : NULL;
}

static void read_file(int root_fd, Reader *reader) {
        _cleanup_free_ char *text = NULL;
        const char *why;
        char message[160];
        int r;

        why = read_text(root_fd, reader->path, &text);
        if (why) {
                (void) snprintf(message, sizeof(message), "Could not be read, ignoring: %s.", why);
                reader->config->is_selection_uncertain = true;
                report(reader, LOG_ERR, 0, message);
                return;
        }
        reader->at = text;
        r = ini_parse_stream(read_line, reader, on_assignment, reader);
        if (r != 0)
                reader->config->is_selection_uncertain = true;
        if (r < 0)
                report(reader, LOG_ERR, 0, "Could not be parsed for want of memory, ignoring.");
        else if (r > 0)
                report(reader, LOG_ERR, (unsigned) r, NO_SYNTAX "this line and any other like it.");
}

int config_read(int root_fd, ConfigProblem problem, void *userdata, Config *ret) {
        bool is_assigned[_CONFIG_KEY_MAX] = {};
        char **paths = NULL;
        int r;

        config_set_defaults(ret);
        r = conf_files_list(root_fd, FILE_NAME, &paths);
        if (r < 0)
                return r;
        for (char **path = paths; *path; path++) {
                Reader reader = {
                        .config = ret,
                        .is_assigned = is_assigned,
                        .path = *path,
                        .problem = problem,
                        .userdata = userdata,
                };

                read_file(root_fd, &reader);
        }
        conf_files_free(paths);
        return 0;
}

void config_done(Config *config) {
        for (ConfigKey key = 0; key < _CONFIG_KEY_MAX; key++)
                free(config->origin[key]);
        conf_files_free(config->include);
        conf_files_free(config->exclude);
        *config = (Config){};
}
