/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logs what became of each controller. */
#pragma once

#include "model/result.h"

/* Takes over which boot this is, from below root_fd; unknown is no error. 0 or -ENOMEM. */
int record_read_boot_id(Record *record, int root_fd) _must_check_;

/* Each writes one entry to the log; see entry_log(). */
void record_log_controller(const Record *record, const Topology *topology, size_t device);
void record_log_released(const Record *record, const Topology *topology, size_t device);
void record_log_summary(const Record *record, const Topology *topology);
