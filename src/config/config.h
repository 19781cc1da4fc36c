/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nvme-async-shutdown.conf(5): read once, never fatal. */
#pragma once

#include "model/result.h"

typedef enum Order {
        ORDER_HIERARCHY, /* what each one means: plan_make() */
        ORDER_LEAVES,
        ORDER_TWO_PASS,
        ORDER_SERIAL,
        _ORDER_MAX,
        _ORDER_INVALID = -EINVAL,
} Order;

/* What is done so that the hook's record reaches the next boot. */
typedef enum PersistLog {
        PERSIST_LOG_NO,
        PERSIST_LOG_AUTO,   /* in pstore where that does not wear */
        PERSIST_LOG_PSTORE, /* in pstore, EFI variables too */
        _PERSIST_LOG_MAX,
        _PERSIST_LOG_INVALID = -EINVAL,
} PersistLog;

/* Both directions from one table each; from_string gives _X_INVALID for an unknown word. */
const char *order_to_string(Order order);
Order order_from_string(const char *text);
const char *persist_log_to_string(PersistLog mode);
PersistLog persist_log_from_string(const char *text);

typedef enum ConfigKey {
        CONFIG_ENABLED,
        CONFIG_STAGES,
        CONFIG_ACTIONS,
        CONFIG_ORDER,
        CONFIG_TIMEOUT_SEC,
        CONFIG_MAX_PARALLEL,
        CONFIG_MIN_CONTROLLERS,
        CONFIG_INCLUDE,
        CONFIG_EXCLUDE,
        CONFIG_FLUSH,
        CONFIG_PERSIST_LOG,
        _CONFIG_KEY_MAX,
} ConfigKey;

typedef struct Config {
        bool is_enabled;
        unsigned stages;  /* bit 1 << Stage */
        unsigned actions; /* bit 1 << Action */
        Order order;
        usec_t timeout_usec;
        unsigned max_parallel; /* 0: no limit */
        unsigned min_controllers;
        char **include; /* NULL-terminated globs, or NULL: everything */
        char **exclude; /* NULL-terminated globs, or NULL: nothing */
        bool flush;
        /* Not from a file: "rehearse" sets it. To bind a physical function again resets it, and its
         * virtual ones with it. */
        bool keep_physical_functions;
        PersistLog persist_log;
        /* Include= or Exclude= may stand in a part that could not be read or understood: the
         * controllers that are meant are not known. */
        bool is_selection_uncertain;
        char *origin[_CONFIG_KEY_MAX]; /* "/etc/...conf:12", or NULL: the built-in default */
        unsigned n_errors; /* invalid values and unreadable files; unknown keys do not count */
} Config;

/* Called once for each problem. level is LOG_ERR (invalid value or unreadable file, the default
 * stays; a misspelt Include= or Exclude=) or LOG_WARNING (another unknown key or section, ignored);
 * line is 0 where there is none; message is printable ASCII. */
typedef void (*ConfigProblem)(void *userdata, int level, const char *file, unsigned line,
                              const char *message);

/* A ConfigProblem that logs "FILE:LINE: MESSAGE". */
void config_log_problem(void *userdata, int level, const char *file, unsigned line,
                        const char *message);

/* Defaults, then the main file and the drop-ins below root_fd by the precedence of the UAPI
 * configuration files specification 1.0 (etc, run, usr/local/lib, usr/lib; an empty file or a link
 * to /dev/null masks). Always leaves a usable *ret; whatever is unreadable or invalid keeps its
 * default, is told to problem() and counted. Returns 0 or -ENOMEM. */
int config_read(int root_fd, ConfigProblem problem, void *userdata, Config *ret) _must_check_;

void config_done(Config *config);

/* The key's name, and its effective value as it would stand in a file (*ret_value is malloc'ed). */
const char *config_key_name(ConfigKey key);
int config_key_format(const Config *config, ConfigKey key, char **ret_value) _must_check_;
