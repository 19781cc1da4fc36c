/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes up a machine out of a short description, for "simulate --generate". */
#pragma once

#include "model/topology.h"

#define GENERATE_DEVICES_MAX 1000000

/* SPEC  = TREE { "+" TREE }
 * TREE  = NUMBER | LEVEL { "/" LEVEL }             a number N means N*nvme
 * LEVEL = [ NUMBER "*" ] KIND                      so many in each place of the level above
 * KIND  = "host" | "vmd" | "switch:" PORTS | "nvme" [ ":" OPTION { "," OPTION } ]
 * OPTION = "vf=" NUMBER | "ctrl=" NUMBER           virtual functions; controllers in the subsystem
 *
 * A host bridge offers root ports, one for each thing below it, or a place for a VMD, which offers
 * root ports of its own; a switch offers its downstream ports. A tree that does not begin with a
 * host gets one. Each host bridge is a PCI domain of its own. Bus and device numbers go on beyond
 * what PCI could number. "4*host/switch:24/switch:24/nvme" are 2304 controllers behind two levels
 * of switches.
 *
 * The controllers are live, bound to nvme and idle, with a namespace for each subsystem. The result
 * is sorted. 0; -ENOMEM; -EINVAL with what is wrong and where in why; -E2BIG for more than
 * GENERATE_DEVICES_MAX devices, likewise. */
int topology_generate(const char *spec, Topology *ret, char *why, size_t why_size) _must_check_;
