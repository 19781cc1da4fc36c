/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logs what became of each controller, and of each program of Release=. */
#pragma once

#include "model/result.h"

/* Sets boot_id to that of the running kernel, read below root_fd; to "" if it can't be read.
 * Returns 0 or -ENOMEM. */
int record_read_boot_id(Record *record, int root_fd) _must_check_;

/* Each logs one entry; see entry_log():
 *   record_log_controller()  the outcome of a controller
 *   record_log_result()      the same, with a result that is not in the record
 *   record_log_released()    a bridge whose last child has gone
 *   record_log_summary()     the totals of the stage
 *   record_log_program()     how a program of Release= ended; the record's results are not used */
void record_log_controller(const Record *record, const Topology *topology, size_t device);
void record_log_result(const Record *record, const Topology *topology, size_t device,
                       const StepResult *result);
void record_log_released(const Record *record, const Topology *topology, size_t device);
void record_log_summary(const Record *record, const Topology *topology);
void record_log_program(const Record *record, const ProgramResult *program);
