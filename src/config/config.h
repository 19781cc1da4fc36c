/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads nvme-async-shutdown.conf(5). No error in it is fatal. */
#pragma once

#include "model/result.h"

typedef enum Order {
        ORDER_HIERARCHY, /* plan_make() explains each order */
        ORDER_LEAVES,
        ORDER_TWO_PASS,
        ORDER_SERIAL,
        _ORDER_MAX,
        _ORDER_INVALID = -EINVAL,
} Order;

/* How the record of hook and exitrd reaches the next boot. */
typedef enum PersistLog {
        PERSIST_LOG_NO,
        PERSIST_LOG_AUTO,   /* in pstore, if its back end does not wear */
        PERSIST_LOG_PSTORE, /* in pstore, even in EFI variables */
        _PERSIST_LOG_MAX,
        _PERSIST_LOG_INVALID = -EINVAL,
} PersistLog;

/* Whether a stage ends while handshakes are under way. */
typedef enum Overlap {
        OVERLAP_NO,
        OVERLAP_AUTO, /* where the kernel keeps its log, so that the next boot learns their ends */
        OVERLAP_YES,
        _OVERLAP_MAX,
        _OVERLAP_INVALID = -EINVAL,
} Overlap;

/* The words of each enum. from_string returns _X_INVALID for an unknown word. */
const char *order_to_string(Order order);
Order order_from_string(const char *text);
const char *persist_log_to_string(PersistLog mode);
PersistLog persist_log_from_string(const char *text);
const char *overlap_to_string(Overlap mode);
Overlap overlap_from_string(const char *text);

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
        CONFIG_RELEASE,
        CONFIG_RELEASE_TIMEOUT_SEC,
        CONFIG_OVERLAP,
        _CONFIG_KEY_MAX,
} ConfigKey;

/* Until settle_min_controllers() knows whether the stage overlaps. */
#define MIN_CONTROLLERS_AUTO 0U

typedef struct Config {
        bool is_enabled;
        unsigned stages;  /* bit 1 << Stage */
        unsigned actions; /* bit 1 << Action */
        Order order;
        usec_t timeout_usec;
        unsigned max_parallel;    /* 0: no limit */
        unsigned min_controllers; /* or MIN_CONTROLLERS_AUTO */
        char **include;           /* NULL-terminated globs, or NULL: everything */
        char **exclude;           /* NULL-terminated globs, or NULL: nothing */
        bool flush;
        /* Set by "rehearse", not from a file: binding a physical function again resets its virtual
         * functions. */
        bool keep_physical_functions;
        PersistLog persist_log;
        char **release; /* NULL-terminated names of programs, or NULL: none */
        usec_t release_timeout_usec;
        Overlap overlap;
        /* A part that could not be read or understood may hold Include= or Exclude=: the
         * controllers that the admin selected are not known. */
        bool is_selection_uncertain;
        char *origin[_CONFIG_KEY_MAX]; /* "/etc/...conf:12", or NULL: the built-in default */
        unsigned n_errors; /* invalid values and unreadable files; unknown keys do not count */
} Config;

/* Called once for each problem.
 *
 *   level: LOG_ERR for an invalid value, an unreadable file or a misspelt Include= or Exclude=;
 *          LOG_WARNING for any other unknown key or section.
 *   file: starts with a slash, without the root directory.
 *   line: counts from 1; 0 for a problem of the whole file.
 *   message: printable ASCII. */
typedef void (*ConfigProblem)(void *userdata, int level, const char *file, unsigned line,
                              const char *message);

/* A ConfigProblem that logs "FILE:LINE: MESSAGE". */
void config_log_problem(void *userdata, int level, const char *file, unsigned line,
                        const char *message);

void config_set_defaults(Config *config);

/* Sets the defaults and reads the main file and the drop-ins below root_fd, as conf_files_list()
 * finds them. A value that can't be read or is invalid keeps its default or its earlier value, is
 * reported by problem() (may be NULL) and counted. *ret is usable even on an error. 0 or
 * -ENOMEM. */
int config_read(int root_fd, ConfigProblem problem, void *userdata, Config *ret) _must_check_;

void config_done(Config *config);

#define _cleanup_config_ _cleanup_(config_done)

/* The name of a key, and its effective value in the syntax of a file, which the caller frees. 0 or
 * -errno. */
const char *config_key_name(ConfigKey key);
int config_key_format(const Config *config, ConfigKey key, char **ret_value) _must_check_;
