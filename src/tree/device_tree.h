/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Enumerates NVMe controllers, the bridges above them and the block devices that stand on them.
 *
 * Follows the links in /sys/class and /sys/bus. libudev makes an object of each device and opens
 * each directory on the path to it: at a shutdown this took a third of the time that the drives did
 * not take. */
#pragma once

#include "model/topology.h"

/* Fills *ret, sorted, with:
 *
 *   - every controller of /sys/class/nvme;
 *   - as DEVICE_FOREIGN, named by its address, every NVMe PCI function (class 0x010802) without
 *     one;
 *   - the bridges above each, up to the host bridge, across VMD endpoints;
 *   - SR-IOV: physical functions and the number of their virtual ones;
 *   - namespaces (multipath heads with the controllers that have a path to them) and partitions;
 *   - all that stands on them, to any depth, according to holders/ and to loop devices
 *     (loop_backing.h).
 *
 * A machine without NVMe gives an empty topology. A device that vanishes meanwhile is left out; an
 * attribute that vanishes leaves its field NULL. The strings of a controller are printable ASCII
 * ('?' for other bytes). USE_UNKNOWN is set on a block whose holders/ can't be read, and on every
 * namespace if a loop device does not answer.
 *
 * root_fd: see file.h. Blocks for a second at most, for loop devices. 0, or -errno if a list can't
 * be read or an existing device can't be opened. */
int device_tree_read(int root_fd, Topology *ret) _must_check_;
