/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From files to a Config; see config.h. The keys and their values are in config_keys.c. */

#include "config/config.h"

#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <syslog.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "config/conf_files.h"
#include "config/config_keys.h"
#include "config/selection_syntax.h"

#define FILE_NAME "nvme-async-shutdown.conf"
#define SECTION "Shutdown"
#define FILE_SIZE_MAX ((size_t) 64 * 1024)
#define NO_SYNTAX "Neither [Section], NAME=VALUE nor a comment, ignoring "
#define BYTE_ORDER_MARK "\xef\xbb\xbf"
/* What a run does with a selection that it does not understand. */
#define TOUCHES_NOTHING "no controller is touched at all until "

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

static void report(Reader *reader, int level, unsigned line, const char *format, ...)
        _printf_(4, 5);
static void report(Reader *reader, int level, unsigned line, const char *format, ...) {
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
                reader->problem(reader->userdata, level, path, line, message);
}

/* A '[' without a name and its ']' behind it: inih would go on in the section before. It ignores
 * what follows the ']' ("[Shutdown] Exclude=nvme1"). */
static bool is_broken_section(const char *line) {
        size_t end = 1 + strcspn(line + 1, "];\n");

        if (*line != '[')
                return false;
        if (line[end] != ']')
                return true;
        end += 1 + strspn(line + end + 1, " \t\r\v\f");
        return !strchr("#;\n", line[end]);
}

/* Lines that end in a carriage return alone are one line to us, a comment perhaps. */
static bool has_inner_return(const char *line, size_t length) {
        while (length > 0 && strchr(" \t\r", line[length - 1]))
                length--;
        return memchr(line, '\r', length);
}

/* What inih is to see in place of a line that it would misread, or NULL; says what is wrong. The
 * keys behind a broken section belong to no section that is known. */
static const char *replace_line(Reader *reader, const char *line, size_t length, size_t max) {
        bool is_comment = *line == '#' || *line == ';';

        if (!is_comment && length > max)
                report(reader, LOG_ERR, reader->line,
                       "Line is longer than %zu characters, ignoring it.", max);
        else if (has_inner_return(line, length))
                report(reader, LOG_ERR, reader->line,
                       "Holds a carriage return that is not at its end, ignoring it: lines end in "
                       "a line feed.");
        else if (is_comment)
                return "";
        else if (is_broken_section(line))
                report(reader, LOG_ERR, reader->line, NO_SYNTAX "it.");
        else
                return NULL;
        reader->config->is_selection_uncertain = true;
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

/* An assignment that is none to us. */
static void on_unknown(Reader *reader, const char *section, const char *name, const char *value) {
        bool is_known_section = STREQ(section, SECTION);

        if (selection_is_meant(name) || selection_is_meant(section) ||
            selection_is_mentioned(value)) {
                reader->config->is_selection_uncertain = true;
                report(reader, LOG_ERR, reader->line,
                       "%.80s= in section [%.80s] is unknown and may be meant to select "
                       "controllers: " TOUCHES_NOTHING
                       "it is Include= or Exclude=, in this spelling, in section [" SECTION "].",
                       name, section);
        } else if (is_known_section)
                report(reader, LOG_WARNING, reader->line, "Unknown key %.80s=, ignoring.", name);
        else
                report(reader, LOG_WARNING, reader->line,
                       "%.80s= is in section [%.80s], only [" SECTION "] is known, ignoring.", name,
                       section);
}

static bool selects(ConfigKey key) {
        return key == CONFIG_INCLUDE || key == CONFIG_EXCLUDE;
}

static void on_bad_value(Reader *reader, ConfigKey key, const char *value, const char *why) {
        if (!selects(key) && !selection_is_mentioned(value)) {
                report(reader, LOG_ERR, reader->line, "%s=%.80s: %s, ignoring.",
                       config_key_name(key), value, why);
                return;
        }
        reader->config->is_selection_uncertain = true;
        report(reader, LOG_ERR, reader->line, "%s=%.80s: %s; " TOUCHES_NOTHING "this is mended.",
               config_key_name(key), value, why);
}

/* Always 1: an error of ours is not one of the file's syntax. */
static int on_assignment(void *userdata, const char *section, const char *name, const char *value) {
        Reader *reader = userdata;
        ConfigKey key = config_key_from_string(name);
        char why[CONFIG_WHY_MAX];
        int r;

        if (key == _CONFIG_KEY_MAX || !STREQ(section, SECTION)) {
                on_unknown(reader, section, name, value);
                return 1;
        }
        r = config_key_parse(reader->config, key, value, !reader->is_assigned[key], why,
                             sizeof(why));
        if (r < 0)
                on_bad_value(reader, key, value, r == -EINVAL ? why : strerror(-r));
        /* The good globs of a bad list are in effect. */
        if (r < 0 && !selects(key))
                return 1;
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
        r = file_read_all(root_fd, path, FILE_SIZE_MAX, ret_text);
        if (r == -EINVAL)
                return "it holds NUL bytes, so it is no text";
        if (r == -EFBIG)
                return "it is larger than 64 KiB";
        return r < 0 ? strerror(-r) : NULL;
}

static void read_file(int root_fd, Reader *reader) {
        _cleanup_free_ char *text = NULL;
        const char *why;
        int r;

        why = read_text(root_fd, reader->path, &text);
        if (why) {
                reader->config->is_selection_uncertain = true;
                report(reader, LOG_ERR, 0, "Could not be read, ignoring: %s.", why);
                return;
        }
        reader->at = text;
        if (STARTSWITH(text, BYTE_ORDER_MARK))
                reader->at += strlen(BYTE_ORDER_MARK);
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

void config_log_problem(void *userdata, int level, const char *file, unsigned line,
                        const char *message) {
        if (line > 0)
                log_line(level, "%s:%u: %s", file, line, message);
        else
                log_line(level, "%s: %s", file, message);
}
