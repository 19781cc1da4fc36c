/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "json_text.h"
#include "report/json_writer.h"

static JsonWriter w;

static void teardown(void) {
        json_writer_done(&w);
}

TestSuite(json_writer, .fini = teardown, .timeout = 10);

static void expect(const char *expected) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        cr_assert(eq(int, json_writer_print(&w, stream), 0));
        cr_assert(eq(int, fclose(stream), 0));
        text = json_text_on_one_line(text);
        cr_expect(eq(str, text, (char *) expected));
        free(text);
}

Test(json_writer, nests_objects_and_arrays) {
        json_begin_object(&w, NULL);
        json_begin_array(&w, "drives");
        json_begin_object(&w, NULL);
        json_add_string(&w, "name", "nvme0");
        json_end(&w);
        json_add_number(&w, NULL, 1);
        json_end(&w);
        json_begin_object(&w, "totals");
        json_end(&w);
        json_add_boolean(&w, "last", true);
        json_end(&w);
        expect("{ \"drives\": [ { \"name\": \"nvme0\" }, 1 ], \"totals\": { }, \"last\": true }");
}

Test(json_writer, a_string_may_be_empty_and_a_text_may_not) {
        json_begin_array(&w, NULL);
        json_add_string(&w, NULL, "");
        json_add_string(&w, NULL, NULL);
        json_add_text(&w, NULL, "");
        json_add_text(&w, NULL, NULL);
        json_add_text(&w, NULL, "\"a/b\"");
        json_add_null(&w, NULL);
        json_end(&w);
        expect("[ \"\", null, null, null, \"\\\"a/b\\\"\", null ]");
}

Test(json_writer, a_number_may_have_64_bits) {
        json_begin_array(&w, NULL);
        json_add_number(&w, NULL, UINT64_MAX);
        json_end(&w);
        expect("[ 18446744073709551615 ]");
}

/* Values that are left out must not look like a complete document. */
Test(json_writer, prints_nothing_when_memory_was_short) {
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        json_begin_object(&w, NULL);
        w.is_short = true;
        json_begin_array(&w, "drives");
        json_add_string(&w, NULL, "nvme0");
        json_end(&w);
        json_end(&w);
        cr_expect(eq(int, json_writer_print(&w, stream), -ENOMEM));
        cr_assert(eq(int, fclose(stream), 0));
        cr_expect(eq(str, text, ""));
        free(text);
}

Test(json_writer, a_stream_that_fails_is_an_error) {
        char byte;
        FILE *stream = fmemopen(&byte, 1, "r");

        json_begin_object(&w, NULL);
        json_end(&w);
        cr_expect(eq(int, json_writer_print(&w, stream), -EIO));
        cr_assert(eq(int, fclose(stream), 0));
}
