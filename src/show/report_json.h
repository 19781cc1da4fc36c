/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The JSON forms of what report.h shows (json-c: libsmartcols prints one table, and these are
 * objects of several). */
#pragma once

#include "report/report.h"
#include "report/trend.h"

/* Both 0 or -errno. */
int show_report_json(const Report *report, FILE *stream) _must_check_;
int show_trend_json(const Trend *trends, size_t n_trends, const Report *reports, size_t n_reports,
                    FILE *stream) _must_check_;
