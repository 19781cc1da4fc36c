/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names by which people know the devices: kind of port, vendor and product, slot, content.
 * Only output uses them: no stage reads them, and no decision depends on them. */
#pragma once

#include "model/topology.h"

typedef struct DeviceLabel {
        const char
                *port; /* static: "root port", "upstream port", "downstream port"; NULL: not known,
                             or not such a port */
        char *vendor;  /* in udev's hardware database; NULL: not known; so are the next three */
        char *product;
        char *slot;    /* the slot or bay: the kernel's name for it, else the firmware's */
        char *content; /* of a claimed controller: the kinds of content (content_read()) on its claimed
                          namespaces and their partitions, "vfat, zfs_member" */
} DeviceLabel;

typedef struct Labels {
        DeviceLabel *devices; /* one for each device of the topology, at the same index */
        size_t n_devices;
} Labels;

#define LABELS_INIT ((Labels){})

void labels_done(Labels *labels);

#define _cleanup_labels_ _cleanup_(labels_done)

/* Reads the labels of all devices below root_fd. A label that can't be read stays NULL. Vendors and products
 * come from the hardware database of the machine that runs this program, by the recorded ids of the
 * device. 0 or -ENOMEM. */
int labels_read(int root_fd, const Topology *topology, Labels *ret) _must_check_;
