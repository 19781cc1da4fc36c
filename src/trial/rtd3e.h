/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks every controller what it says that its shutdown takes. */
#pragma once

#include "model/topology.h"

/* Identify for each live controller below root_fd, in a process of its own that is left behind when
 * it does not come back within timeout_usec (nobody can end one that waits for a controller). Fills
 * rtd3e_usec where the controller answers with the expected serial number. Returns how many could
 * not be asked, or -errno. */
int rtd3e_read(int root_fd, usec_t timeout_usec, Topology *topology) _must_check_;
