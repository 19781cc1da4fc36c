/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks every controller for its RTD3E, its own estimate of its shutdown time. */
#pragma once

#include "model/topology.h"

/* For timeout_usec: a healthy controller answers Identify within milliseconds. */
#define RTD3E_TIMEOUT_USEC (2 * USEC_PER_SEC)

/* Sends Identify to each live controller below root_fd, and sets rtd3e_usec of those that answer
 * with the expected serial number:
 *   - a child process asks each; one that has no answer after timeout_usec is left running, since a
 *     process that waits for a controller can't be ended;
 *   - in a recorded machine the node's file answers (recorded.h).
 * Returns the number of controllers that could not be asked, or -errno. */
int rtd3e_read(int root_fd, usec_t timeout_usec, Topology *topology) _must_check_;
