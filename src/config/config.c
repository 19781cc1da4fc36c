/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See config.h. The keys and their values are in config_keys.c. */

#include "config/config.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <syslog.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "config/conf_files.h"
#include "config/config_keys.h"
#include "config/ini_line.h"
#include "config/selection_syntax.h"

#define FILE_NAME "nvme-async-shutdown.conf"
#define SECTION "Shutdown"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define FILE_SIZE_MAX ((size_t) 64 * 1024)
#define NO_SYNTAX "Neither [Section], NAME=VALUE nor a comment, ignoring "
#define TOUCHES_NOTHING "no controller is touched until "

/* One file being read. */
typedef struct Reader {
        Config *config;
        bool *is_assigned; /* by key, over all files */
        const char *path;
        const char *section; /* "" before the first one */
        unsigned line;
        bool has_broken_line;
        ConfigProblem problem;
        void *userdata;
} Reader;

static void report_problem(Reader *reader, int level, const char *format, ...) _printf_(3, 4);
static void report_problem(Reader *reader, int level, const char *format, ...) {
        char path[4096], message[640];
        va_list args;

        va_start(args, format);
        (void) vsnprintf(message, sizeof(message), format, args);
        va_end(args);
        text_make_printable(message);
        (void) snprintf(path, sizeof(path), "/%s", reader->path);
        if (level == LOG_ERR)
                reader->config->n_errors++;
        if (reader->problem)
                reader->problem(reader->userdata, level, path, reader->line, message);
}

static void remember_origin(Reader *reader, ConfigKey key) {
        char *origin;

        if (asprintf(&origin, "/%s:%u", reader->path, reader->line) < 0)
                return;
        free(reader->config->origin[key]);
        reader->config->origin[key] = origin;
}

/* An assignment to an unknown key or in an unknown section. */
static void on_unknown(Reader *reader, const char *name, const char *value) {
        const char *section = reader->section;

        if (selection_is_meant(name) || selection_is_meant(section) ||
            selection_is_mentioned(value)) {
                reader->config->is_selection_uncertain = true;
                report_problem(reader, LOG_ERR,
                               "%.80s= in section [%.80s] is unknown and may be meant to select "
                               "controllers: " TOUCHES_NOTHING
                               "it is Include= or Exclude=, in this spelling, in section [" SECTION
                               "].",
                               name, section);
        } else if (STREQ(section, SECTION))
                report_problem(reader, LOG_WARNING, "Unknown key %.80s=, ignoring.", name);
        else
                report_problem(reader, LOG_WARNING,
                               "%.80s= is in section [%.80s], only [" SECTION
                               "] is known, ignoring.",
                               name, section);
}

static bool is_selection(ConfigKey key) {
        return key == CONFIG_INCLUDE || key == CONFIG_EXCLUDE;
}

static void on_bad_value(Reader *reader, ConfigKey key, const char *value, const char *why) {
        if (!is_selection(key) && !selection_is_mentioned(value)) {
                report_problem(reader, LOG_ERR, "%s=%.80s: %s, ignoring.", config_key_name(key),
                               value, why);
                return;
        }
        reader->config->is_selection_uncertain = true;
        report_problem(reader, LOG_ERR, "%s=%.80s: %s; " TOUCHES_NOTHING "this is fixed.",
                       config_key_name(key), value, why);
}

static void on_assignment(Reader *reader, const char *name, const char *value) {
        ConfigKey key = config_key_from_string(name);
        char why[CONFIG_WHY_MAX];
        int r;

        if (key == _CONFIG_KEY_MAX || !STREQ(reader->section, SECTION)) {
                on_unknown(reader, name, value);
                return;
        }
        r = config_key_parse(reader->config, key, value, !reader->is_assigned[key], why,
                             sizeof(why));
        if (r < 0)
                on_bad_value(reader, key, value, r == -EINVAL ? why : strerror(-r));
        /* The good globs of a bad list are in effect. */
        if (r < 0 && !is_selection(key))
                return;
        reader->is_assigned[key] = true;
        remember_origin(reader, key);
}

/* Include= or Exclude= may stand in a line that is not understood. A file may consist of lines
 * like that, so only the first one that is no section is reported. */
static void on_broken_line(Reader *reader, const IniLine *line) {
        reader->config->is_selection_uncertain = true;
        if (line->kind == INI_LINE_INNER_RETURN)
                report_problem(
                        reader, LOG_ERR,
                        "Holds a carriage return that is not at its end, ignoring it: lines end in "
                        "a line feed.");
        else if (line->name)
                report_problem(reader, LOG_ERR, NO_SYNTAX "it.");
        else if (!reader->has_broken_line) {
                report_problem(reader, LOG_ERR, NO_SYNTAX "this line and any other like it.");
                reader->has_broken_line = true;
        }
        if (line->name)
                reader->section = line->name;
}

static void read_line(Reader *reader, char *text) {
        const IniLine line = ini_line_split(text);

        switch (line.kind) {
        case INI_LINE_EMPTY:
                break;
        case INI_LINE_SECTION:
                reader->section = line.name;
                break;
        case INI_LINE_ASSIGNMENT:
                on_assignment(reader, line.name, line.value);
                break;
        case INI_LINE_BROKEN:
        case INI_LINE_INNER_RETURN:
                on_broken_line(reader, &line);
                break;
        }
}

/* Returns NULL, or why the file can't be read. */
static const char *read_text(int root_fd, const char *path, char **ret_text) {
        struct stat st;
        int r;

        /* Opening a device can have effects: it arms a watchdog or rewinds a tape. */
        if (fstatat(root_fd, path, &st, AT_NO_AUTOMOUNT) >= 0 && !S_ISREG(st.st_mode) &&
            !S_ISDIR(st.st_mode))
                return "it is not a regular file";
        r = file_read_all(root_fd, path, FILE_SIZE_MAX, ret_text);
        if (r == -EINVAL)
                return "it holds NUL bytes, so it is not text";
        if (r == -EFBIG)
                return "it is larger than 64 KiB";
        return r < 0 ? strerror(-r) : NULL;
}

static void read_file(int root_fd, Reader *reader) {
        _cleanup_free_ char *text = NULL;
        const char *why;
        char *rest, *line;

        why = read_text(root_fd, reader->path, &text);
        if (why) {
                reader->config->is_selection_uncertain = true;
                report_problem(reader, LOG_ERR, "Could not be read, ignoring: %s.", why);
                return;
        }
        rest = text;
        if (STARTSWITH(text, BYTE_ORDER_MARK))
                rest += strlen(BYTE_ORDER_MARK);
        while ((line = strsep(&rest, "\n"))) {
                reader->line++;
                read_line(reader, line);
        }
}

int config_read(int root_fd, ConfigProblem problem, void *userdata, Config *ret) {
        bool is_assigned[_CONFIG_KEY_MAX] = {};
        _cleanup_conf_files_ char **paths = NULL;
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
                        .section = "",
                        .problem = problem,
                        .userdata = userdata,
                };

                read_file(root_fd, &reader);
        }
        return 0;
}

void config_done(Config *config) {
        for (ConfigKey key = 0; key < _CONFIG_KEY_MAX; key++)
                free(config->origin[key]);
        conf_files_free(config->include);
        conf_files_free(config->exclude);
        conf_files_free(config->release);
        *config = (Config){};
}

void config_log_problem(void *userdata, int level, const char *file, unsigned line,
                        const char *message) {
        if (line > 0)
                log_line(level, "%s:%u: %s", file, line, message);
        else
                log_line(level, "%s: %s", file, message);
}
