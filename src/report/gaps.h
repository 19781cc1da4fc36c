/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Explains why a record, or a part of it, is missing. */
#pragma once

#include "base/lines.h"
#include "config/config.h"
#include "report/history.h"
#include "report/journal.h"

/* Adds to notes, for people, each part of that boot's record that is missing, the likely reason and
 * the way out; adds nothing when the record is complete. Arguments as for report_make(). Returns 0
 * or -errno; notes may have grown by then. */
int gaps_explain(JournalRecord *journal, const JournalBoot *boot, int root_fd, const Config *config,
                 const History *history, Lines *notes) _must_check_;
