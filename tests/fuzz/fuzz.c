/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See fuzz.h. */

#include "fuzz.h"

#include <json-c/json.h>

#include "fake_root.h"
#include "show/report.h"

void fuzz_fail(const char *file, int line, const char *condition) {
        (void) fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
        abort();
}

void fuzz_root(void) {
        if (root_fd >= 0)
                return;
        fake_root_start();
        REQUIRE(atexit(fake_root_done) == 0);
}

static bool is_printable(const char *text) {
        for (; *text; text++)
                if ((*text < ' ' || *text > '~') && *text != '\n')
                        return false;
        return true;
}

void fuzz_require_why(int r, const char *why) {
        REQUIRE(r == -ENOMEM || *why);
        REQUIRE(is_printable(why) && !strchr(why, '\n'));
}

void fuzz_require_json(const char *text) {
        struct json_object *root = json_tokener_parse(text);

        REQUIRE(root);
        REQUIRE(is_printable(text));
        (void) json_object_put(root);
}

static int show_table(const Report *report, FILE *stream) {
        return show_report(report, false, stream);
}

static int show_json(const Report *report, FILE *stream) {
        return show_report(report, true, stream);
}

void fuzz_show_entries(const EntryList *entries) {
        static int (*const shows[])(const Report *, FILE *) = {
                show_json,
                show_table,
                show_report_svg,
                show_report_metrics,
        };
        Report report = REPORT_INIT;

        if (entries->n == 0)
                return;
        (void) snprintf(report.boot_id, sizeof(report.boot_id), "%s", entries->items[0].boot_id);
        REQUIRE(history_make(entries->items, entries->n, &report.history) == 0);
        for (size_t i = 0; i < ARRAY_SIZE(shows); i++) {
                char *text = NULL;
                size_t size;
                FILE *stream = open_memstream(&text, &size);

                REQUIRE(stream && shows[i](&report, stream) == 0 && fclose(stream) == 0);
                REQUIRE((size > 0 || report.history.n_controllers == 0) && is_printable(text));
                if (shows[i] == show_json)
                        fuzz_require_json(text);
                free(text);
        }
        report_done(&report);
}
