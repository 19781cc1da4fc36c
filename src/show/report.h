/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints what is known about shutdowns: for people, as JSON, as a picture, for Prometheus. */
#pragma once

#include "report/report.h"
#include "report/trend.h"

/* The totals, bridges and notes around a table of controllers; or, json, one object with
 * "controllers", "released", "stages", "totals", "power" and "missing". 0 or -errno. */
int show_report(const Report *report, bool json, FILE *stream) _must_check_;

/* A table of drives over the shutdowns, the slower ones named below it; or an object with
 * "shutdowns" and "drives". reports: the shutdowns, oldest first. */
int show_trend(const Trend *trends, size_t n_trends, const Report *reports, size_t n_reports,
               bool json, FILE *stream) _must_check_;

/* The timeline, see svg.h. 0 or -errno. */
int show_report_svg(const Report *report, FILE *stream) _must_check_;

/* Prometheus' text format. 0 or -errno. */
int show_report_metrics(const Report *report, FILE *stream) _must_check_;

/* "reboot at 2026-01-02 03:04:05", or without the time where it is not known. */
#define SHUTDOWN_TITLE_MAX 96
void show_shutdown_title(const Report *report, char buffer[static SHUTDOWN_TITLE_MAX]);
