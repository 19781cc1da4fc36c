/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shows records of shutdowns: for people, as JSON, as a picture, for Prometheus. */
#pragma once

#include "report/report.h"
#include "report/trend.h"

/* Prints a table of controllers, one of bridges, the totals and the notes; or, json, one object
 * with "controllers", "released", "stages", "entries", "totals", "power" and "missing". Returns 0
 * or -errno. */
int show_report(const Report *report, bool json, FILE *stream) _must_check_;

/* Prints a table with a line for each drive and a column for each shutdown, and names the drives
 * that got slower; or, json, an object with "shutdowns" and "drives".
 *   reports: the shutdowns from which the trends were made, oldest first.
 * Returns 0 or -errno. */
int show_trend(const Trend *trends, size_t n_trends, const Report *reports, size_t n_reports,
               bool json, FILE *stream) _must_check_;

/* Draws the timeline, see svg.h. Returns 0 or -errno. */
int show_report_svg(const Report *report, FILE *stream) _must_check_;

/* Prints gauges in Prometheus' text format. Returns 0 or -EIO. */
int show_report_metrics(const Report *report, FILE *stream) _must_check_;

/* Writes "reboot at 2026-01-02 03:04:05" to buffer, or "reboot" if the time is unknown. */
#define SHUTDOWN_TITLE_MAX 96
void show_shutdown_title(const Report *report, char buffer[static SHUTDOWN_TITLE_MAX]);
