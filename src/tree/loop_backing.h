/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the loop driver which block device a loop device stands on. */
#pragma once

#include <sys/types.h>

#include "base/util.h"

typedef struct LoopBacking {
        char name[32]; /* "loop3" */
        dev_t devnum;  /* of the loop device */
        dev_t backing; /* the block device that it stands on; 0 for a plain file */
        int error;     /* 0 if backing is known, else -errno: -ETIMEDOUT if no answer came in time,
                          -ENXIO if the device has no backing file (any more) */
} LoopBacking;

/* Fills in backing and error of each loop device, by LOOP_GET_STATUS64 on its node below root_fd.
 *
 * The path in sysfs can't be trusted: it is the path that the file had for the process that set up
 * the loop device, maybe in a container (loop_attr_backing_file_show(), 6.1). Neither holders/ nor
 * O_EXCL shows a loop device either, since the driver claims nothing.
 *
 * A child process asks, with one second for all devices: loop_get_status() may wait for the file
 * server of a backing file. */
void loop_backing_ask(int root_fd, LoopBacking *loops, size_t n_loops);
