/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checks the globs of Include= and Exclude=, and finds misspelt keys. Pure. */
#pragma once

#include "base/util.h"

/* Returns why the glob can select no controller and what to write instead, as a clause without a
 * period, or NULL if it may select one. Refuses globs that match no PCI address, name, model,
 * serial number or NQN, and some that are almost always errors although a model or serial number
 * may hold such a character: '?' or a bracket expression can replace the character. */
const char *selection_check_glob(const char *glob);

/* Whether the name of a key or a section may be a misspelt "Include" or "Exclude": with at most two
 * wrong letters, or containing one of them, in upper or lower case. */
bool selection_is_meant(const char *name);

/* Whether a value contains an assignment to Include or Exclude. */
bool selection_is_mentioned(const char *value);
