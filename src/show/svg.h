/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws a timeline as SVG: one row of bars for each controller, grouped by bridge. */
#pragma once

#include "record/record.h"

/* Strings may hold anything: they are escaped, with '?' for bytes that are not printable ASCII. */
typedef struct TimelineRow {
        const char *label;  /* "nvme3" */
        const char *detail; /* after the label: "0000:04:00.0"; may be NULL */
        const char *group;  /* the bridge; rows with the same one are drawn together. May be NULL */
        const char *note;   /* why the controller was left or failed; may be NULL */
        Outcome outcome;    /* OUTCOME_PENDING: unknown */
        usec_t start_usec;
        usec_t phase_usec[_PHASE_MAX]; /* how long each took, one after the other from start_usec;
                                          a phase of 0 is not drawn */
} TimelineRow;

/* A moment of the whole machine, such as the start of a stage: a line through all rows. */
typedef struct TimelineMark {
        const char *label;
        usec_t usec;
} TimelineMark;

/* The moment at which the bridge of a group was released. */
typedef struct TimelineRelease {
        const char *group;
        usec_t usec;
} TimelineRelease;

/* All times count from the left edge of the picture. */
typedef struct Timeline {
        const char *title;
        const char *subtitle; /* may be NULL */
        const TimelineRow *rows;
        size_t n_rows;
        const TimelineMark *marks;
        size_t n_marks;
        const TimelineRelease *releases;
        size_t n_releases;
} Timeline;

/* Writes a complete SVG 1.1 document, with the rows sorted by group, then by label. Returns 0,
 * -ENOMEM or -EIO. */
int show_svg(const Timeline *timeline, FILE *stream) _must_check_;
