/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See config_keys.h. */

#include "config/config_keys.h"

#include <stdarg.h>
#include <strings.h>

#include "base/names.h"
#include "base/text.h"
#include "config/conf_files.h"
#include "config/selection_syntax.h"

#define LIST_MAX 256
/* systemd-shutdown kills its hooks after 90 s. Our work after the deadline has to fit in too. */
#define TIMEOUT_MIN_SEC 1
#define TIMEOUT_MAX_SEC 80

static const char *const order_table[_ORDER_MAX] = {
        [ORDER_HIERARCHY] = "hierarchy",
        [ORDER_LEAVES] = "leaves",
        [ORDER_TWO_PASS] = "two-pass",
        [ORDER_SERIAL] = "serial",
};

static const char *const persist_log_table[_PERSIST_LOG_MAX] = {
        [PERSIST_LOG_NO] = "no",
        [PERSIST_LOG_AUTO] = "auto",
        [PERSIST_LOG_PSTORE] = "pstore",
};

static const char *const overlap_table[_OVERLAP_MAX] = {
        [OVERLAP_NO] = "no",
        [OVERLAP_AUTO] = "auto",
        [OVERLAP_YES] = "yes",
};

const char *order_to_string(Order order) {
        return NAME_OF(order_table, order);
}

Order order_from_string(const char *text) {
        return (Order) VALUE_OF(order_table, text);
}

const char *persist_log_to_string(PersistLog mode) {
        return NAME_OF(persist_log_table, mode);
}

PersistLog persist_log_from_string(const char *text) {
        return (PersistLog) VALUE_OF(persist_log_table, text);
}

const char *overlap_to_string(Overlap mode) {
        return NAME_OF(overlap_table, mode);
}

Overlap overlap_from_string(const char *text) {
        return (Overlap) VALUE_OF(overlap_table, text);
}

void config_set_defaults(Config *config) {
        *config = (Config){
                .stages = 1U << STAGE_UNIT | 1U << STAGE_HOOK | 1U << STAGE_EXITRD,
                .actions = 1U << ACTION_REBOOT | 1U << ACTION_POWEROFF | 1U << ACTION_KEXEC,
                .order = ORDER_HIERARCHY,
                .timeout_usec = 40 * USEC_PER_SEC,
                .min_controllers = MIN_CONTROLLERS_AUTO,
                .flush = true,
                .persist_log = PERSIST_LOG_AUTO,
                .release_timeout_usec = 10 * USEC_PER_SEC,
                .overlap = OVERLAP_AUTO,
        };
}

typedef struct Assignment {
        const char *text;
        bool is_first;
        char *why; /* gets the allowed values */
        size_t why_size;
} Assignment;

static int refuse_value(const Assignment *a, const char *why) {
        (void) snprintf(a->why, a->why_size, "%s", why);
        return -EINVAL;
}

static int parse_boolean(const Assignment *a, bool *target) {
        static const char *const yes[] = { "1", "yes", "y", "true", "t", "on" };
        static const char *const no[] = { "0", "no", "n", "false", "f", "off" };

        for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
                if (strcasecmp(a->text, yes[i]) == 0) {
                        *target = true;
                        return 0;
                }
        for (size_t i = 0; i < ARRAY_SIZE(no); i++)
                if (strcasecmp(a->text, no[i]) == 0) {
                        *target = false;
                        return 0;
                }
        return refuse_value(a, "must be yes or no");
}

static int parse_number(const Assignment *a, unsigned min, unsigned max, unsigned *target) {
        char allowed[64], *end;
        unsigned long value;

        (void) snprintf(allowed, sizeof(allowed), "must be a number from %u to %u", min, max);
        if (*a->text < '0' || *a->text > '9')
                return refuse_value(a, allowed);
        errno = 0;
        value = strtoul(a->text, &end, 10);
        if (errno || *end || value < min || value > max)
                return refuse_value(a, allowed);
        *target = (unsigned) value;
        return 0;
}

static int parse_min_controllers(const Assignment *a, unsigned *target) {
        if (STREQ(a->text, "auto")) {
                *target = MIN_CONTROLLERS_AUTO;
                return 0;
        }
        if (parse_number(a, 1, 1024, target) < 0)
                return refuse_value(a, "must be auto, or a number from 1 to 1024");
        return 0;
}

static int parse_seconds(const Assignment *a, usec_t *target) {
        char allowed[64];
        const char *end;
        usec_t usec;

        (void) snprintf(allowed, sizeof(allowed), "must be a time from %ds to %ds", TIMEOUT_MIN_SEC,
                        TIMEOUT_MAX_SEC);
        end = text_parse_time(a->text, &usec);
        if (!end || *end || usec < TIMEOUT_MIN_SEC * USEC_PER_SEC ||
            usec > TIMEOUT_MAX_SEC * USEC_PER_SEC)
                return refuse_value(a, allowed);
        *target = usec;
        return 0;
}

/* Takes the words of a boolean too. */
static int parse_overlap(const Assignment *a, Overlap *target) {
        bool yes = false;

        if (overlap_from_string(a->text) >= 0)
                *target = overlap_from_string(a->text);
        else if (parse_boolean(a, &yes) >= 0)
                *target = yes ? OVERLAP_YES : OVERLAP_NO;
        else
                return refuse_value(a, "must be auto, yes or no");
        return 0;
}

static int refuse_word(const Assignment *a, const char *const *table, size_t n) {
        (void) snprintf(a->why, a->why_size, "must be words out of");
        for (size_t i = 0; i < n; i++) {
                size_t used = strlen(a->why);

                (void) snprintf(a->why + used, a->why_size - used, " %s", table[i]);
        }
        return -EINVAL;
}

/* Parses words of a table into bits. */
static int parse_set(const Assignment *a, const char *const *table, size_t n, unsigned *target) {
        unsigned set = a->is_first || !*a->text ? 0 : *target;
        _cleanup_free_ char *copy = strdup(a->text);
        char *state = NULL;

        if (!copy)
                return -ENOMEM;
        for (char *word = strtok_r(copy, " \t", &state); word;
             word = strtok_r(NULL, " \t", &state)) {
                int value = names_find_value(table, n, word);

                if (value < 0)
                        return refuse_word(a, table, n);
                set |= 1U << value;
        }
        *target = set;
        return 0;
}

static size_t count_words(char *const *list) {
        size_t n = 0;

        while (list && list[n])
                n++;
        return n;
}

static int append_word(char ***list, const char *word) {
        size_t n = count_words(*list);
        char **larger = reallocarray(*list, n + 2, sizeof(char *));

        if (!larger)
                return -ENOMEM;
        *list = larger;
        larger[n + 1] = NULL;
        larger[n] = strdup(word);
        return larger[n] ? 0 : -ENOMEM;
}

/* Reports the first glob that can select nothing and adds all others. */
static int parse_globs(const Assignment *a, char ***target) {
        _cleanup_free_ char *copy = strdup(a->text);
        char *state = NULL;
        int result = 0, r;

        if (!copy)
                return -ENOMEM;
        if (!*a->text)
                *target = conf_files_free(*target);
        for (char *word = strtok_r(copy, " \t", &state); word;
             word = strtok_r(NULL, " \t", &state)) {
                const char *why = selection_check_glob(word);

                if (why) {
                        if (result == 0)
                                (void) snprintf(a->why, a->why_size,
                                                "\"%.60s\" selects no controller: %s", word, why);
                        result = -EINVAL;
                        continue;
                }
                if (count_words(*target) >= LIST_MAX)
                        return refuse_value(a, "holds more than 256 globs, the rest is not used");
                r = append_word(target, word);
                if (r < 0)
                        return r;
        }
        return result;
}

static bool has_word(char *const *list, const char *word) {
        for (size_t i = 0; list && list[i]; i++)
                if (STREQ(list[i], word))
                        return true;
        return false;
}

/* The name becomes part of a path, of log lines and of a record. */
static bool is_program_name(const char *name) {
        return *name != '.' && strlen(name) < PROGRAM_NAME_MAX &&
               strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
                       strlen(name);
}

static int append_programs(const Assignment *a, char *words, char ***list) {
        char *state = NULL;

        for (char *word = strtok_r(words, " \t", &state); word;
             word = strtok_r(NULL, " \t", &state)) {
                int r;

                if (!is_program_name(word))
                        return refuse_value(a, "must be names of programs in release.d: at most 31 "
                                               "letters, digits, '-', '_' and '.', not with '.' "
                                               "as the first");
                if (has_word(*list, word))
                        continue;
                if (count_words(*list) >= PROGRAMS_MAX)
                        return refuse_value(a, "must be at most 16 names");
                r = append_word(list, word);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_words(char *const *list, char ***ret) {
        char **copy = NULL;

        for (size_t i = 0; list && list[i]; i++)
                if (append_word(&copy, list[i]) < 0) {
                        conf_files_free(copy);
                        return -ENOMEM;
                }
        *ret = copy;
        return 0;
}

/* All or nothing: who names programs that only together free a drive does not want half of them.
 */
static int parse_programs(const Assignment *a, char ***target) {
        _cleanup_free_ char *words = strdup(a->text);
        char **list = NULL;
        int r;

        if (!words)
                return -ENOMEM;
        r = *a->text ? copy_words(*target, &list) : 0;
        if (r >= 0)
                r = append_programs(a, words, &list);
        if (r < 0) {
                conf_files_free(list);
                return r;
        }
        conf_files_free(*target);
        *target = list;
        return 0;
}

static int format_boolean(bool value, char **ret) {
        *ret = strdup(value ? "yes" : "no");
        return *ret ? 0 : -ENOMEM;
}

static int format_words(const char *const *words, size_t n, char **ret) {
        size_t size = 1;
        char *text, *end;

        for (size_t i = 0; i < n; i++)
                size += strlen(words[i]) + 1;
        text = end = calloc(1, size);
        if (!text)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                if (i > 0)
                        *end++ = ' ';
                end = stpcpy(end, words[i]);
        }
        *ret = text;
        return 0;
}

static int format_set(const char *const *table, size_t n, unsigned set, char **ret) {
        const char *words[8];
        size_t n_words = 0;

        for (size_t i = 0; i < n && n_words < ARRAY_SIZE(words); i++)
                if (set & (1U << i))
                        words[n_words++] = table[i];
        return format_words(words, n_words, ret);
}

static int format_list(char *const *list, char **ret) {
        return format_words((const char *const *) list, count_words(list), ret);
}

static int format_text(char **ret, const char *format, ...) _printf_(2, 3);
static int format_text(char **ret, const char *format, ...) {
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(ret, format, args);
        va_end(args);
        return r < 0 ? -ENOMEM : 0;
}

static int format_seconds(char **ret, usec_t usec) {
        return format_text(ret, "%.10gs", (double) usec / 1e6);
}

static const char *const key_table[_CONFIG_KEY_MAX] = {
        [CONFIG_ENABLED] = "Enabled",
        [CONFIG_STAGES] = "Stages",
        [CONFIG_ACTIONS] = "Actions",
        [CONFIG_ORDER] = "Order",
        [CONFIG_TIMEOUT_SEC] = "TimeoutSec",
        [CONFIG_MAX_PARALLEL] = "MaxParallel",
        [CONFIG_MIN_CONTROLLERS] = "MinControllers",
        [CONFIG_INCLUDE] = "Include",
        [CONFIG_EXCLUDE] = "Exclude",
        [CONFIG_FLUSH] = "Flush",
        [CONFIG_PERSIST_LOG] = "PersistLog",
        [CONFIG_RELEASE] = "Release",
        [CONFIG_RELEASE_TIMEOUT_SEC] = "ReleaseTimeoutSec",
        [CONFIG_OVERLAP] = "Overlap",
};

const char *config_key_name(ConfigKey key) {
        return NAME_OF(key_table, key);
}

ConfigKey config_key_from_string(const char *name) {
        int key = VALUE_OF(key_table, name);

        return key < 0 ? _CONFIG_KEY_MAX : (ConfigKey) key;
}

int config_key_parse(Config *config, ConfigKey key, const char *text, bool is_first, char *why,
                     size_t why_size) {
        const Assignment a = { text, is_first, why, why_size };
        int order;

        switch (key) {
        case CONFIG_ENABLED:
                return parse_boolean(&a, &config->is_enabled);
        case CONFIG_STAGES:
                return parse_set(&a, stage_names, _STAGE_MAX, &config->stages);
        case CONFIG_ACTIONS:
                return parse_set(&a, action_names, _ACTION_MAX, &config->actions);
        case CONFIG_ORDER:
                order = (int) order_from_string(text);
                if (order < 0)
                        return refuse_value(&a, "must be hierarchy, leaves, two-pass or serial");
                config->order = (Order) order;
                return 0;
        case CONFIG_TIMEOUT_SEC:
                return parse_seconds(&a, &config->timeout_usec);
        case CONFIG_MAX_PARALLEL:
                return parse_number(&a, 0, 1024, &config->max_parallel);
        case CONFIG_MIN_CONTROLLERS:
                return parse_min_controllers(&a, &config->min_controllers);
        case CONFIG_INCLUDE:
                return parse_globs(&a, &config->include);
        case CONFIG_EXCLUDE:
                return parse_globs(&a, &config->exclude);
        case CONFIG_FLUSH:
                return parse_boolean(&a, &config->flush);
        case CONFIG_PERSIST_LOG:
                if (persist_log_from_string(text) < 0)
                        return refuse_value(&a, "must be auto, pstore or no");
                config->persist_log = persist_log_from_string(text);
                return 0;
        case CONFIG_RELEASE:
                return parse_programs(&a, &config->release);
        case CONFIG_RELEASE_TIMEOUT_SEC:
                return parse_seconds(&a, &config->release_timeout_usec);
        case CONFIG_OVERLAP:
                return parse_overlap(&a, &config->overlap);
        default:
                return -EINVAL;
        }
}

int config_key_format(const Config *config, ConfigKey key, char **ret_value) {
        switch (key) {
        case CONFIG_ENABLED:
                return format_boolean(config->is_enabled, ret_value);
        case CONFIG_STAGES:
                return format_set(stage_names, _STAGE_MAX, config->stages, ret_value);
        case CONFIG_ACTIONS:
                return format_set(action_names, _ACTION_MAX, config->actions, ret_value);
        case CONFIG_ORDER:
                return format_text(ret_value, "%s", order_to_string(config->order));
        case CONFIG_TIMEOUT_SEC:
                return format_seconds(ret_value, config->timeout_usec);
        case CONFIG_MAX_PARALLEL:
                return format_text(ret_value, "%u", config->max_parallel);
        case CONFIG_MIN_CONTROLLERS:
                if (config->min_controllers == MIN_CONTROLLERS_AUTO)
                        return format_text(ret_value, "auto");
                return format_text(ret_value, "%u", config->min_controllers);
        case CONFIG_INCLUDE:
                return format_list(config->include, ret_value);
        case CONFIG_EXCLUDE:
                return format_list(config->exclude, ret_value);
        case CONFIG_FLUSH:
                return format_boolean(config->flush, ret_value);
        case CONFIG_PERSIST_LOG:
                return format_text(ret_value, "%s", persist_log_to_string(config->persist_log));
        case CONFIG_RELEASE:
                return format_list(config->release, ret_value);
        case CONFIG_RELEASE_TIMEOUT_SEC:
                return format_seconds(ret_value, config->release_timeout_usec);
        case CONFIG_OVERLAP:
                return format_text(ret_value, "%s", overlap_to_string(config->overlap));
        default:
                return -EINVAL;
        }
}
