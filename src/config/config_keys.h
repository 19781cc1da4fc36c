/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of the configuration and their values. */
#pragma once

#include "config/config.h"

/* Returns _CONFIG_KEY_MAX for an unknown name. */
ConfigKey config_key_from_string(const char *name);

/* Sets a key from the text of its value.
 *
 *   is_first: this is the first assignment to the key, so a list replaces the default. A later
 *             assignment appends to the list; an empty one clears it.
 *   why: gets the allowed values on -EINVAL; CONFIG_WHY_MAX bytes always suffice.
 *
 * 0, -EINVAL or -ENOMEM. On an error the earlier value stays, but the valid globs of a list, up to
 * 256, are added to it. */
#define CONFIG_WHY_MAX 256
int config_key_parse(Config *config, ConfigKey key, const char *text, bool is_first, char *why,
                     size_t why_size) _must_check_;
