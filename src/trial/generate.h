/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes up a machine, for "simulate --generate". */
#pragma once

#include "model/topology.h"

#define GENERATE_CONTROLLERS_MAX 100000

/* spec: "24", so many controllers, each below a root port of its own; or HOSTSxPORTS, "4x24", with
 * so many root ports below each of several host bridges. Each host bridge is a PCI domain of its
 * own; bus numbers go on beyond what PCI could number. The controllers are live, bound to nvme and
 * idle, each with a namespace. The result is sorted.
 *
 * Returns 0; -EINVAL for another spec or more than GENERATE_CONTROLLERS_MAX; or -ENOMEM. */
int topology_generate(const char *spec, Topology *ret) _must_check_;
