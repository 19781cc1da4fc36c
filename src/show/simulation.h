/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows the simulated orders side by side. */
#pragma once

#include "trial/simulate.h"

/* Prints a line for each simulation and below it its waves: all of them in JSON, the first few for
 * people. Returns 0 or -errno. */
int show_simulations(const Simulation *simulations, size_t n, bool json, FILE *stream) _must_check_;
