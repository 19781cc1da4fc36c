/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws what happened when, as a picture: one bar a controller, grouped under its bridge. */
#pragma once

#include "record/record.h"

/* All text may hold anything: it is escaped, and what is not printable ASCII becomes '?'. */
typedef struct TimelineRow {
        const char *label;  /* "nvme3" */
        const char *detail; /* behind the label: "0000:04:00.0"; may be NULL */
        const char *group;  /* the bridge, or the path of bridges; rows with the same text are drawn
                               together. May be NULL */
        const char *note;   /* why it stayed or failed; may be NULL */
        Outcome outcome;    /* OUTCOME_PENDING: nothing is said about it */
        usec_t start_usec;
        usec_t phase_usec[_PHASE_MAX]; /* how long each took, one behind the other from start_usec;
                                          a phase that took 0 is not drawn */
} TimelineRow;

/* A moment of the whole machine ("unit", "hook"): a line through all rows. */
typedef struct TimelineMark {
        const char *label;
        usec_t usec;
} TimelineMark;

/* When the bridge of a group was released. */
typedef struct TimelineRelease {
        const char *group;
        usec_t usec;
} TimelineRelease;

/* Every time counts from the left edge of the picture. */
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

/* Writes a complete SVG 1.1 document; rows are sorted by group, then by label. 0; -ENOMEM, or what
 * the stream said. */
int show_svg(const Timeline *timeline, FILE *stream) _must_check_;
