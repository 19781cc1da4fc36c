/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the fuzz targets share. Each target defines LLVMFuzzerTestOneInput(); libFuzzer's main()
 * calls it where there is one (meson -Dfuzzer=true, clang), run_corpus.c's does everywhere else. */
#pragma once

#include "base/util.h"
#include "record/entry.h"
#include "report/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): -DNDEBUG would take it away. */
#define REQUIRE(condition) ((condition) ? (void) 0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* Has fake_root.h's directory made at the first call, and removed at exit. */
void fuzz_root(void);

/* Why a reader refused has to be said, in printable ASCII: it reaches a terminal. */
void fuzz_require_why(int r, const char *why);

/* What a stream like show()'s got: valid JSON in printable ASCII. */
void fuzz_require_json(const char *text);

/* Every way in which entries of one shutdown are shown; what JSON there is must be valid. */
void fuzz_show_entries(const EntryList *entries);
