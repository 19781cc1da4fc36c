/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Enumerates NVMe controllers, what is above them on the bus and what stands on them. By the links
 * in /sys/class and /sys/bus: libudev makes an object of each device, with each directory on the
 * way to it opened, and in the last second of a machine that was a third of all the time that was
 * not the drives'. */
#pragma once

#include "model/topology.h"

/* Fills *ret: every controller of /sys/class/nvme, every NVMe PCI function (class 0x010802) without
 * one as DEVICE_FOREIGN, the bridges above each up to the host bridge (across VMD endpoints),
 * SR-IOV physfn links and numbers of virtual functions, namespaces (multipath heads with the
 * controllers that have a path to them), partitions, and everything that holders/ or a loop device
 * itself (loop_backing.h) says stands on them, to any depth. The result is sorted. root_fd: see
 * file.h. A device that vanishes meanwhile is left out; an attribute that vanishes leaves its
 * field NULL. No NVMe at all gives an empty topology and 0. Where holders/ can't be read the block
 * gets USE_UNKNOWN here already; where a loop device does not tell, every namespace does. The
 * strings of a controller are printable ASCII ('?' for other bytes). A foreign one is named by its
 * address. Returns 0, or -errno when the lists can't be read or a device that is there can't be
 * opened. */
int device_tree_read(int root_fd, Topology *ret) _must_check_;
