/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nvme-async-shutdown.conf(5). */

#include <syslog.h>

#include "config/config_keys.h"
#include "config/selection_syntax.h"
#include "fake_root.h"
#include "fuzz.h"

static void count_problem(void *userdata, int level, const char *file, unsigned line,
                          const char *message) {
        unsigned *n_errors = userdata;

        REQUIRE(level == LOG_ERR || level == LOG_WARNING);
        REQUIRE(*file == '/' && *message);
        for (const char *c = message; *c; c++)
                REQUIRE(*c >= ' ' && *c <= '~');
        *n_errors += level == LOG_ERR;
}

/* What is shown as a key's value is a value that means the same. */
static void require_round_trip(const Config *config, ConfigKey key) {
        char *value = NULL, *again = NULL, why[200];
        Config other;

        config_set_defaults(&other);
        REQUIRE(config_key_format(config, key, &value) == 0);
        REQUIRE(config_key_parse(&other, key, value, true, why, sizeof(why)) == 0);
        REQUIRE(config_key_format(&other, key, &again) == 0);
        REQUIRE(STREQ(value, again));
        free(value);
        free(again);
        config_done(&other);
}

static void require_globs(char *const *globs) {
        for (; globs && *globs; globs++)
                REQUIRE(!selection_check_glob(*globs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        unsigned n_errors = 0;
        Config config;

        fuzz_root();
        fake_root_write_binary("etc/nvme-async-shutdown.conf", data, size);
        REQUIRE(config_read(root_fd, count_problem, &n_errors, &config) == 0);
        REQUIRE(config.n_errors == n_errors);
        REQUIRE(config.timeout_usec >= USEC_PER_SEC && config.timeout_usec <= 80 * USEC_PER_SEC);
        REQUIRE(config.min_controllers <= 1024);
        REQUIRE(config.max_parallel <= 1024);
        REQUIRE(config.stages < 1U << _STAGE_MAX && config.actions < 1U << _ACTION_MAX);
        for (ConfigKey key = 0; key < _CONFIG_KEY_MAX; key++)
                require_round_trip(&config, key);
        require_globs(config.include);
        require_globs(config.exclude);
        config_done(&config);
        return 0;
}
