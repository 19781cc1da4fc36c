/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which block device a loop device stands on, as the loop driver itself says. */
#pragma once

#include <sys/types.h>

#include "base/util.h"

typedef struct LoopBacking {
        char name[32]; /* "loop3" */
        dev_t devnum;  /* of the loop device */
        dev_t backing; /* the answer: the block device that it stands on; 0: a plain file */
        int error;     /* 0: backing is known; else the negative errno that the question ended with,
                          -ETIMEDOUT where no answer came in time */
} LoopBacking;

/* Asks each of loops[] by LOOP_GET_STATUS64 on its node below root_fd, and fills in the answers.
 * The path in sysfs can't be trusted: it is the path that the file had for the process that set the
 * loop device up, maybe a container (loop_attr_backing_file_show(), 6.1). The driver claims nothing
 * on what it stands on, so that neither holders/ nor O_EXCL tells of it. loop_get_status() may ask
 * a file server for the backing file, so a child process asks and has a second for all of them.
 * -ENXIO: the device has no backing file (any more). */
void loop_backing_ask(int root_fd, LoopBacking *loops, size_t n_loops);
