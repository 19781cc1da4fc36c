/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fields of journal entries, which anybody may have sent: one a line, as in the journal's export
 * format, an empty line between two entries. */

#include "fuzz.h"
#include "record/entry.h"

/* As journal_record_read() does. */
static bool is_known(const EntryList *list, const Entry *entry) {
        for (size_t i = 0; i < list->n; i++)
                if (list->items[i].kind == entry->kind && list->items[i].stage == entry->stage &&
                    STREQ(list->items[i].address, entry->address))
                        return true;
        return false;
}

static void end_entry(EntryList *list, const Entry *entry) {
        char text[512];

        if (entry_check(entry) < 0 || is_known(list, entry))
                return;
        entry_text_format(entry, text, sizeof(text));
        REQUIRE(*text);
        REQUIRE(entry_list_append(list, entry) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const Entry none = { .kind = _ENTRY_KIND_INVALID };
        EntryList list = ENTRY_LIST_INIT;
        const char *at = (const char *) data, *end = at + size;
        Entry entry = none;

        while (at < end) {
                const char *newline = memchr(at, '\n', (size_t) (end - at)) ?: end;

                if (newline > at)
                        entry_take_field(&entry, at, (size_t) (newline - at));
                else {
                        end_entry(&list, &entry);
                        entry = none;
                }
                at = newline + 1;
        }
        end_entry(&list, &entry);
        fuzz_show_entries(&list);
        entry_list_done(&list);
        return 0;
}
