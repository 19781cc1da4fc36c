/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of the configuration: what each accepts and how it is shown. */
#pragma once

#include "config/config.h"

void config_set_defaults(Config *config);

/* _CONFIG_KEY_MAX for an unknown name. */
ConfigKey config_key_from_string(const char *name);

/* Sets the key from its text. is_first: nothing has assigned it yet, so that a list begins anew; a
 * later assignment appends, an empty one clears. 0; -EINVAL with the allowed values in why and the
 * earlier value kept (to which globs are added that can select something, 256 at most); -ENOMEM
 * likewise. why: CONFIG_WHY_MAX bytes hold it whole. */
#define CONFIG_WHY_MAX 256
int config_key_parse(Config *config, ConfigKey key, const char *text, bool is_first, char *why,
                     size_t why_size) _must_check_;
