/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON for report.h. Each document holds several lists, and libsmartcols prints one table only. */
#pragma once

#include "report/report.h"
#include "report/trend.h"

/* See show_report() and show_trend(). Both return 0, -ENOMEM or -EIO. */
int show_report_json(const Report *report, FILE *stream) _must_check_;
int show_trend_json(const Trend *trends, size_t n_trends, const Report *reports, size_t n_reports,
                    FILE *stream) _must_check_;
