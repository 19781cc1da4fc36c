/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What Include= and Exclude= may hold, and what else may be meant by them. Pure. */
#pragma once

#include "base/util.h"

/* Why the glob can select no controller, with the way out, as a clause without a period; NULL where
 * it may select one. Refuses what none of PCI address, name, model, serial number and NQN can be,
 * and what is an error in nearly every case although such a model or serial number is possible: '?'
 * or a bracket expression stands for the character then. */
const char *selection_check_glob(const char *glob);

/* Whether the name of a key or a section may be a misspelt "Include" or "Exclude": two letters off
 * at most, or with one of them in it, in any spelling of case. */
bool selection_is_meant(const char *name);

/* Whether a value has another assignment to Include or Exclude in it. */
bool selection_is_mentioned(const char *value);
