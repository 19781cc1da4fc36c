/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See svg.h. Like systemd-analyze plot it prints the few shapes itself: a drawing library would be
 * larger than this. */

#include "show/svg.h"

#include <stdarg.h>

/* Pixels. */
#define MARGIN 16
#define LABEL_WIDTH 300
#define PLOT_WIDTH 860
#define NOTE_WIDTH 250
#define PICTURE_WIDTH (LABEL_WIDTH + PLOT_WIDTH + NOTE_WIDTH)
#define HEADER_HEIGHT 92
#define AXIS_HEIGHT 22
#define MARK_HEIGHT 15
/* With more rows than this each is lower. */
#define ROWS_WIDE_MAX 48
#define CHARACTER_WIDTH 7
#define MARK_MAX 44
#define GROUP_MAX 46
/* The least distance between two lines of the grid. */
#define GRID_MIN 70

typedef struct Picture {
        const Timeline *timeline;
        const TimelineRow **rows; /* by group, then by label */
        FILE *stream;
        usec_t span_usec; /* the time that PLOT_WIDTH covers */
        double row_height;
        double top; /* of the first row */
        double height;
        size_t n_headers;
} Picture;

static const char *const phase_titles[_PHASE_MAX] = {
        [PHASE_FORK] = "worker starts",
        [PHASE_CHECK] = "checks",
        [PHASE_FSYNC] = "write back (fsync, Flush)",
        [PHASE_SHUTDOWN] = "shutdown handshake (CC.SHN to CSTS.SHST)",
        [PHASE_VERIFY] = "CSTS read",
};

static const char style[] =
        "text { font-family: 'DejaVu Sans', 'Liberation Sans', Arial, sans-serif; fill: #222; }\n"
        ".page { fill: #fff; }\n"
        ".title { font-size: 17px; font-weight: bold; }\n"
        ".subtitle { font-size: 12px; fill: #444; }\n"
        ".small { font-size: 11px; }\n"
        ".note { paint-order: stroke; stroke: #fff; stroke-width: 3px; }\n"
        ".group-note { paint-order: stroke; stroke: #e3e8ee; stroke-width: 3px; }\n"
        ".dim { fill: #777; }\n"
        ".group { fill: #e3e8ee; }\n"
        ".grid { stroke: #d5d9de; stroke-width: 1; }\n"
        ".mark { stroke: #7b3fa0; stroke-width: 1.5; stroke-dasharray: 5 3; }\n"
        ".mark-label { font-size: 11px; fill: #7b3fa0; font-weight: bold; }\n"
        ".release { fill: #7b3fa0; }\n"
        ".fork { fill: #9aa5b1; } .check { fill: #6cb4d9; } .fsync { fill: #e9a23b; }\n"
        ".shutdown { fill: #2f6fb7; } .verify { fill: #3aa58d; }\n"
        ".detached { fill: #222; } .left { fill: #777; }\n"
        ".late, .failed, .vanished, .unverified { fill: #c0271d; font-weight: bold; }\n"
        ".trouble { fill: none; stroke: #c0271d; stroke-width: 1.5; }\n";

/* Prints at most max characters, with "..." if the text is cut. */
static void print_text(FILE *stream, const char *text, size_t max) {
        size_t length = text ? strlen(text) : 0, n = length > max ? max - 2 : length;

        for (size_t i = 0; i < n; i++)
                if (strchr("&<>", text[i]))
                        (void) fprintf(stream, "&#%d;", text[i]);
                else
                        (void) fputc(text[i] < ' ' || text[i] > '~' ? '?' : text[i], stream);
        if (n < length)
                (void) fputs("...", stream);
}

static void print_seconds(FILE *stream, usec_t usec) {
        if (usec < 10 * USEC_PER_MSEC)
                (void) fprintf(stream, "%.2f ms", (double) usec / 1e3);
        else if (usec < USEC_PER_SEC)
                (void) fprintf(stream, "%.0f ms", (double) usec / 1e3);
        else
                (void) fprintf(stream, "%.2f s", (double) usec / 1e6);
}

/* A log may hold any number: the sum saturates. */
static usec_t add_usec(usec_t a, usec_t b) {
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

static usec_t row_length(const TimelineRow *row) {
        usec_t length = 0;

        for (Phase p = 0; p < _PHASE_MAX; p++)
                length = add_usec(length, row->phase_usec[p]);
        return length;
}

static const char *row_group(const TimelineRow *row) {
        return row->group ? row->group : "";
}

static int compare_rows(const void *a, const void *b) {
        const TimelineRow *x = *(const TimelineRow *const *) a;
        const TimelineRow *y = *(const TimelineRow *const *) b;
        int r;

        r = strcmp(row_group(x), row_group(y));
        if (r != 0)
                return r;
        r = strverscmp(x->label, y->label);
        return r != 0 ? r : CMP(x->start_usec, y->start_usec);
}

static size_t group_length(const Picture *p, size_t first) {
        size_t n = 1;

        while (first + n < p->timeline->n_rows &&
               STREQ(row_group(p->rows[first]), row_group(p->rows[first + n])))
                n++;
        return n;
}

/* A group of one row shows its bridge in that row. */
static bool has_header(const Picture *p, size_t first) {
        return *row_group(p->rows[first]) && group_length(p, first) > 1;
}

static double x_of(const Picture *p, usec_t usec) {
        return LABEL_WIDTH + (double) usec / (double) p->span_usec * PLOT_WIDTH;
}

static void measure_picture(Picture *p) {
        const Timeline *t = p->timeline;

        p->span_usec = USEC_PER_MSEC;
        for (size_t i = 0; i < t->n_rows; i++) {
                usec_t end = add_usec(t->rows[i].start_usec, row_length(&t->rows[i]));

                if (end > p->span_usec)
                        p->span_usec = end;
        }
        for (size_t i = 0; i < t->n_marks; i++)
                if (t->marks[i].usec > p->span_usec)
                        p->span_usec = t->marks[i].usec;
        for (size_t i = 0; i < t->n_releases; i++)
                if (t->releases[i].usec > p->span_usec)
                        p->span_usec = t->releases[i].usec;
        for (size_t i = 0; i < t->n_rows; i += group_length(p, i))
                p->n_headers += has_header(p, i);
        p->row_height = t->n_rows > ROWS_WIDE_MAX ? 14 : 21;
        p->top = HEADER_HEIGHT + MARK_HEIGHT + AXIS_HEIGHT;
        p->height = p->top + (double) (t->n_rows + p->n_headers) * p->row_height + AXIS_HEIGHT +
                    2.0 * MARGIN;
}

static void draw_legend(const Picture *p) {
        double x = MARGIN;

        for (Phase phase = 0; phase < _PHASE_MAX; phase++) {
                bool is_used = false;

                for (size_t i = 0; i < p->timeline->n_rows; i++)
                        is_used |= p->timeline->rows[i].phase_usec[phase] > 0;
                if (!is_used)
                        continue;
                (void) fprintf(p->stream,
                               "<rect class=\"%s\" x=\"%.1f\" y=\"62\" width=\"14\" height=\"12\"/>"
                               "<text class=\"small\" x=\"%.1f\" y=\"72\">%s</text>\n",
                               phase_to_string(phase), x, x + 19, phase_titles[phase]);
                x += 48 + 6.3 * (double) strlen(phase_titles[phase]);
        }
        if (p->timeline->n_releases > 0)
                (void) fprintf(p->stream,
                               "<path class=\"release\" d=\"M%.1f 62l6 6l-6 6l-6 -6z\"/>"
                               "<text class=\"small\" x=\"%.1f\" y=\"72\">bridge released</text>\n",
                               x + 7, x + 19);
}

/* Returns 1, 2 or 5 times a power of ten, in microseconds. */
static double grid_step(const Picture *p) {
        const double least = (double) p->span_usec * GRID_MIN / PLOT_WIDTH;
        double step = 1;

        for (;; step *= 10) {
                if (step >= least)
                        return step;
                if (2 * step >= least)
                        return 2 * step;
                if (5 * step >= least)
                        return 5 * step;
        }
}

static void draw_grid(const Picture *p) {
        const double step = grid_step(p), bottom = p->height - AXIS_HEIGHT - 2.0 * MARGIN;
        const bool is_msec = p->span_usec < 2 * USEC_PER_SEC;
        const double unit = is_msec ? 1e3 : 1e6;

        for (double usec = 0; usec <= (double) p->span_usec; usec += step) {
                double x = LABEL_WIDTH + usec / (double) p->span_usec * PLOT_WIDTH;

                (void) fprintf(p->stream,
                               "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
                               "y2=\"%.1f\"/>\n",
                               x, p->top - 4, x, bottom + 4);
                for (int edge = 0; edge < 2; edge++)
                        (void) fprintf(p->stream,
                                       "<text class=\"small dim\" text-anchor=\"middle\" "
                                       "x=\"%.1f\" y=\"%.1f\">%.10g %s</text>\n",
                                       x, edge ? bottom + 17 : p->top - 8, usec / unit,
                                       is_msec ? "ms" : "s");
        }
}

static void draw_marks(const Picture *p) {
        const double bottom = p->height - AXIS_HEIGHT - 2.0 * MARGIN;

        for (size_t i = 0; i < p->timeline->n_marks; i++) {
                const TimelineMark *mark = &p->timeline->marks[i];
                double x = x_of(p, mark->usec);

                (void) fprintf(p->stream,
                               "<line class=\"mark\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" "
                               "y2=\"%.1f\"/><text class=\"mark-label\" x=\"%.1f\" y=\"%d\">",
                               x, HEADER_HEIGHT - 8, x, bottom, x + 4, HEADER_HEIGHT + 2);
                print_text(p->stream, mark->label, MARK_MAX);
                (void) fputs("</text>\n", p->stream);
        }
}

static const TimelineRelease *find_release(const Picture *p, const char *group) {
        for (size_t i = 0; i < p->timeline->n_releases; i++)
                if (STREQ(p->timeline->releases[i].group, group))
                        return &p->timeline->releases[i];
        return NULL;
}

/* Returns the x of its right corner. */
static double draw_release(const Picture *p, const TimelineRelease *release, double y) {
        double x = x_of(p, release->usec), middle = y + p->row_height / 2;

        (void) fprintf(p->stream,
                       "<path class=\"release\" d=\"M%.1f %.1fl5 5l-5 5l-5 -5z\"><title>", x,
                       middle - 5);
        print_text(p->stream, release->group, SIZE_MAX);
        (void) fputs(" released at ", p->stream);
        print_seconds(p->stream, release->usec);
        (void) fputs("</title></path>\n", p->stream);
        return x + 5;
}

static void draw_header(const Picture *p, const char *group, double y) {
        const TimelineRelease *release = find_release(p, group);

        (void) fprintf(p->stream,
                       "<rect class=\"group\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"/>\n"
                       "<text class=\"small\" x=\"%d\" y=\"%.1f\"><title>",
                       MARGIN / 2, y, PICTURE_WIDTH - MARGIN, p->row_height, MARGIN,
                       y + p->row_height / 2 + 4);
        print_text(p->stream, group, SIZE_MAX);
        (void) fputs("</title>", p->stream);
        print_text(p->stream, group, GROUP_MAX);
        (void) fputs("</text>\n", p->stream);
        if (!release)
                return;
        (void) fprintf(p->stream,
                       "<text class=\"small dim group-note\" x=\"%.1f\" y=\"%.1f\">released at ",
                       draw_release(p, release, y) + 4, y + p->row_height / 2 + 4);
        print_seconds(p->stream, release->usec);
        (void) fputs("</text>\n", p->stream);
}

static void draw_label(const Picture *p, const TimelineRow *row, double y, bool is_single) {
        (void) fprintf(p->stream, "<text class=\"small\" x=\"%d\" y=\"%.1f\">",
                       is_single ? MARGIN : 2 * MARGIN, y + p->row_height / 2 + 4);
        print_text(p->stream, row->label, GROUP_MAX / 2);
        (void) fputs(" <tspan class=\"dim\">", p->stream);
        print_text(p->stream, row->detail, GROUP_MAX / 2);
        (void) fputs("</tspan>", p->stream);
        if (is_single && *row_group(row)) {
                (void) fputs(" <tspan class=\"dim\">under ", p->stream);
                print_text(p->stream, row_group(row), GROUP_MAX / 2);
                (void) fputs("</tspan>", p->stream);
        }
        (void) fputs("</text>\n", p->stream);
}

/* "2.10 s", "left: /dev/nvme0n1 is mounted on /", "12.00 s failed: no shutdown was started" */
static void draw_note(const Picture *p, const TimelineRow *row, double x, double y) {
        bool is_plain = row->outcome == OUTCOME_PENDING || row->outcome == OUTCOME_DETACHED;
        /* 18 characters are for "2.10 s failed: ". */
        size_t room = (size_t) ((PICTURE_WIDTH - x) / CHARACTER_WIDTH) - 18;

        (void) fprintf(p->stream, "<text class=\"small note %s\" x=\"%.1f\" y=\"%.1f\">",
                       outcome_to_string(row->outcome), x + 6, y + p->row_height / 2 + 4);
        if (row_length(row) > 0)
                print_seconds(p->stream, row_length(row));
        if (!is_plain) {
                (void) fprintf(p->stream, " %s", outcome_to_string(row->outcome));
                if (row->note && *row->note) {
                        (void) fputs(": ", p->stream);
                        print_text(p->stream, row->note, room);
                }
        }
        (void) fputs("</text>\n", p->stream);
}

/* The note comes after the bars and, if the bridge is the row's own, after its release. */
static void draw_bars(const Picture *p, const TimelineRow *row, double y,
                      const TimelineRelease *release) {
        const double begin = x_of(p, row->start_usec);
        usec_t at = row->start_usec;
        double x = begin;

        (void) fputs("<g><title>", p->stream);
        print_text(p->stream, row->label, SIZE_MAX);
        for (Phase phase = 0; phase < _PHASE_MAX; phase++)
                if (row->phase_usec[phase] > 0) {
                        (void) fprintf(p->stream, "&#10;%s: ", phase_titles[phase]);
                        print_seconds(p->stream, row->phase_usec[phase]);
                }
        if (row->note && *row->note) {
                (void) fputs("&#10;", p->stream);
                print_text(p->stream, row->note, SIZE_MAX);
        }
        (void) fputs("</title>", p->stream);
        for (Phase phase = 0; phase < _PHASE_MAX; phase++) {
                if (row->phase_usec[phase] == 0)
                        continue;
                at = add_usec(at, row->phase_usec[phase]);
                (void) fprintf(p->stream,
                               "<rect class=\"%s\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" "
                               "height=\"%.1f\"/>",
                               phase_to_string(phase), x, y + 2, x_of(p, at) - x,
                               p->row_height - 4);
                x = x_of(p, at);
        }
        if (row->outcome == OUTCOME_LATE || row->outcome == OUTCOME_FAILED)
                (void) fprintf(p->stream,
                               "<rect class=\"trouble\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" "
                               "height=\"%.1f\"/>",
                               begin, y + 2, x - begin + 1, p->row_height - 4);
        (void) fputs("</g>\n", p->stream);
        if (release && draw_release(p, release, y) > x)
                x = x_of(p, release->usec) + 5;
        draw_note(p, row, x, y);
}

static void draw_rows(const Picture *p) {
        double y = p->top;

        for (size_t i = 0, end; i < p->timeline->n_rows; i = end) {
                const char *group = row_group(p->rows[i]);
                bool is_single = !has_header(p, i);

                end = i + group_length(p, i);
                if (!is_single) {
                        draw_header(p, group, y);
                        y += p->row_height;
                }
                for (size_t k = i; k < end; k++, y += p->row_height) {
                        draw_label(p, p->rows[k], y, is_single);
                        draw_bars(p, p->rows[k], y, is_single ? find_release(p, group) : NULL);
                }
        }
}

int show_svg(const Timeline *timeline, FILE *stream) {
        _cleanup_free_ const TimelineRow **rows =
                calloc(timeline->n_rows + 1, sizeof(TimelineRow *));
        Picture p = { .timeline = timeline, .rows = rows, .stream = stream };

        if (!rows)
                return -ENOMEM;
        for (size_t i = 0; i < timeline->n_rows; i++)
                rows[i] = &timeline->rows[i];
        qsort(rows, timeline->n_rows, sizeof(TimelineRow *), compare_rows);
        measure_picture(&p);
        (void) fprintf(stream,
                       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" "
                       "height=\"%.0f\" viewBox=\"0 0 %d %.0f\">\n<style>\n%s</style>\n"
                       "<rect class=\"page\" width=\"100%%\" height=\"100%%\"/>\n"
                       "<text class=\"title\" x=\"%d\" y=\"28\">",
                       PICTURE_WIDTH, p.height, PICTURE_WIDTH, p.height, style, MARGIN);
        print_text(stream, timeline->title, SIZE_MAX);
        (void) fprintf(stream, "</text>\n<text class=\"subtitle\" x=\"%d\" y=\"48\">", MARGIN);
        print_text(stream, timeline->subtitle, SIZE_MAX);
        (void) fputs("</text>\n", stream);
        draw_legend(&p);
        draw_grid(&p);
        draw_marks(&p);
        draw_rows(&p);
        (void) fputs("</svg>\n", stream);
        return fflush(stream) != 0 || ferror(stream) ? -EIO : 0;
}
