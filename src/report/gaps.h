/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a record is not there, or not all of it. */
#pragma once

#include "report/report.h"

/* Adds what is missing from the history of that boot, why, and what can be done about it; nothing
 * when nothing is missing. Arguments as for report_make(). 0 or -errno. */
int missing_explain(JournalRecord *journal, const JournalBoot *boot, int root_fd,
                    const Config *config, const History *history, Notes *notes) _must_check_;
