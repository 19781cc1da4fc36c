/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limits.h>
#include <sys/wait.h>

#include "show/svg.h"

#define ROWS_MAX 128

static TimelineRow rows[ROWS_MAX];
static char labels[ROWS_MAX][16], details[ROWS_MAX][16], groups[ROWS_MAX][64];
static TimelineRelease releases[ROWS_MAX];
static const TimelineMark marks[] = { { "unit", 0 }, { "hook", 5600 * USEC_PER_MSEC } };
static Timeline timeline;
static char *svg;

/* n controllers, per_switch of them below each bridge; nvme0 is mounted, nvme5 fails. */
static void build(size_t n, size_t per_switch) {
        for (size_t i = 0; i < n; i++) {
                size_t group = i / per_switch;

                (void) snprintf(labels[i], sizeof(labels[i]), "nvme%zu", i);
                (void) snprintf(details[i], sizeof(details[i]), "%04zx:%02zx:00.0", group / 8,
                                16 + i);
                (void) snprintf(groups[i], sizeof(groups[i]), "%04zx:00:%02zx.0", group / 8,
                                group % 8 + 1);
                rows[i] = (TimelineRow){
                        .label = labels[i],
                        .detail = details[i],
                        .group = groups[i],
                        .outcome = OUTCOME_DETACHED,
                        .start_usec = i * 900,
                        .phase_usec = { [PHASE_FORK] = 1500,
                                        [PHASE_CHECK] = 40000,
                                        [PHASE_FSYNC] = 30000 + i * 2000,
                                        [PHASE_SHUTDOWN] = 2000000 + (i * 7919 % 2600) * 1000,
                                        [PHASE_VERIFY] = 300 },
                };
        }
        rows[0].outcome = OUTCOME_LEFT;
        rows[0].note = "/dev/nvme0n1p2 is mounted on /";
        memset(rows[0].phase_usec, 0, sizeof(rows[0].phase_usec));
        rows[0].phase_usec[PHASE_FSYNC] = 12000;
        rows[5].outcome = OUTCOME_FAILED;
        rows[5].note = "no shutdown was started, CSTS=0x1";
        for (size_t i = 0; i * per_switch < n; i++)
                releases[i] = (TimelineRelease){ groups[i * per_switch],
                                                 5000 * USEC_PER_MSEC - i * 20000 };
        timeline = (Timeline){
                .title = "Shutdown of NVMe controllers, box, reboot at 2026-01-02 03:04:05",
                .subtitle = "23 detached in 4.61 s; one after the other 84.93 s, saved 80.32 s",
                .rows = rows,
                .n_rows = n,
                .marks = marks,
                .n_marks = ARRAY_SIZE(marks),
                .releases = releases,
                .n_releases = (n + per_switch - 1) / per_switch,
        };
}

static void draw(void) {
        size_t size;
        FILE *stream = open_memstream(&svg, &size);

        free(svg);
        cr_assert(eq(int, show_svg(&timeline, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
}

static size_t count(const char *text) {
        size_t n = 0;

        for (const char *at = svg; (at = strstr(at, text)); at++)
                n++;
        return n;
}

/* Asks a foreign parser. The file stays in the tests' directory, for a look at it. */
static bool is_well_formed(const char *name) {
        const char *dir = getenv("TMPDIR");
        char path[PATH_MAX], command[PATH_MAX + 128];
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", name);
        f = fopen(path, "we");
        cr_assert(ne(ptr, f, NULL));
        cr_assert(ge(int, fputs(svg, f), 0));
        cr_assert(eq(int, fclose(f), 0));
        (void) snprintf(command, sizeof(command),
                        "/usr/bin/python3 -c 'import sys, xml.dom.minidom as m; "
                        "m.parse(sys.argv[1])' '%s'",
                        path);
        return system(command) == 0;
}

static void teardown(void) {
        free(svg);
        svg = NULL;
}

TestSuite(show_svg, .fini = teardown, .timeout = 30);

Test(show_svg, is_xml_and_has_every_row) {
        build(24, 4);
        draw();
        cr_expect(is_well_formed("timeline-24.svg"));
        for (size_t i = 0; i < 24; i++) {
                char label[32];

                (void) snprintf(label, sizeof(label), ">nvme%zu <tspan", i);
                cr_expect(eq(sz, count(label), 1), "%s", label);
        }
        cr_expect(eq(sz, count("class=\"group\""), 6));
        cr_expect(eq(sz, count("class=\"mark-label\""), 2));
        cr_expect(eq(sz, count("<path class=\"release\""), 6 + 1), "six bridges and the legend");
}

Test(show_svg, names_the_reason_of_each_that_is_not_detached) {
        build(24, 1);
        draw();
        cr_expect(eq(sz, count(" left: /dev/nvme0n1p2 is mounted on /"), 1));
        cr_expect(eq(sz, count(" failed: no shutdown was"), 1));
        cr_expect(eq(sz, count("class=\"trouble\""), 1));
        cr_expect(eq(sz, count("class=\"group\""), 0), "a port with one drive needs no header");
        cr_expect(eq(sz, count("under 0000:00:"), 8));
}

Test(show_svg, holds_128_controllers) {
        build(128, 8);
        draw();
        cr_expect(is_well_formed("timeline-128.svg"));
        cr_expect(eq(sz, count(" <tspan class=\"dim\">"), 128));
        cr_expect(eq(sz, count("<rect class=\"shutdown\""), 127 + 1), "the legend, and not nvme0");
}

/* Each bar starts where the previous one ends, to the scale of the grid. */
Test(show_svg, bars_are_to_scale) {
        build(1, 1);
        timeline.n_marks = timeline.n_releases = 0;
        rows[0] = (TimelineRow){
                .label = "nvme0",
                .phase_usec = { [PHASE_FSYNC] = USEC_PER_SEC, [PHASE_SHUTDOWN] = 3 * USEC_PER_SEC }
        };
        draw();
        cr_expect(eq(sz, count("class=\"fsync\" x=\"300.00\" y=\"131.0\" width=\"215.00\""), 1));
        cr_expect(eq(sz, count("class=\"shutdown\" x=\"515.00\" y=\"131.0\" width=\"645.00\""), 1));
        cr_expect(eq(sz, count("x=\"515.0\" y=\"121.0\">1 s<"), 1));
}

/* The bar ends after 1 s, its bridge is released after 2 s. */
Test(show_svg, the_note_comes_after_the_release) {
        const TimelineRelease release = { groups[0], 2 * USEC_PER_SEC };

        build(1, 1);
        timeline.n_marks = 0;
        timeline.releases = &release;
        rows[0] = (TimelineRow){ .label = "nvme0",
                                 .group = groups[0],
                                 .outcome = OUTCOME_DETACHED,
                                 .phase_usec = { [PHASE_SHUTDOWN] = USEC_PER_SEC } };
        draw();
        cr_expect(eq(sz, count("class=\"small note detached\" x=\"1171.0\""), 1));
}

Test(show_svg, escapes_any_string) {
        build(2, 2);
        rows[0].label = "<b>&\"'\x01\xff";
        rows[0].detail = "]]>";
        rows[0].note = "</text><script>";
        rows[0].group = rows[1].group = "<&>";
        timeline.title = "a < b && c > d";
        timeline.subtitle = "\xc3\xa4\n\x7f";
        draw();
        cr_expect(is_well_formed("timeline-hostile.svg"));
        cr_expect(eq(sz, count("<script"), 0));
        cr_expect(eq(sz, count("a &#60; b &#38;&#38; c &#62; d"), 1));
        cr_expect(eq(sz, count("&#60;b&#62;&#38;\"'??"), 2), "the label and the tooltip");
}

Test(show_svg, survives_no_rows_and_absurd_times) {
        build(2, 2);
        timeline.n_rows = timeline.n_releases = timeline.n_marks = 0;
        draw();
        cr_expect(is_well_formed("timeline-empty.svg"));
        build(2, 2);
        rows[0].start_usec = USEC_INFINITY;
        rows[1].phase_usec[PHASE_FORK] = USEC_INFINITY;
        draw();
        cr_expect(is_well_formed("timeline-absurd.svg"));
        cr_expect(eq(sz, count("nan"), 0));
        cr_expect(eq(sz, count("width=\"-"), 0));
}

Test(show_svg, does_not_depend_on_the_order_of_rows) {
        _cleanup_free_ char *first = NULL;

        build(24, 4);
        for (size_t i = 0; i < 24; i++)
                rows[i].start_usec = 0;
        draw();
        first = svg;
        svg = NULL;
        for (size_t i = 0; i < 12; i++) {
                TimelineRow swap = rows[i];

                rows[i] = rows[23 - i];
                rows[23 - i] = swap;
        }
        draw();
        cr_expect(eq(str, svg, first));
}
