/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text, journal fields and drives of entries; see entry.h. */

#include "record/entry.h"

#include <inttypes.h>
#include <syslog.h>

#include "base/log.h"
#include "base/message_ids.h"
#include "base/text.h"
#include "record/entry_line.h"
#include "record/entry_values.h"

#define FIELDS_MAX 28
#define FIELD_MAX ENTRY_VALUE_MAX
#define SUFFIX_MAX 600
#define VALUE_MAX (FIELD_MAX - 32)

static const char *const message_ids[_ENTRY_KIND_MAX] = {
        [ENTRY_CONTROLLER] = MESSAGE_ID_CONTROLLER,
        [ENTRY_RELEASED] = MESSAGE_ID_RELEASED,
        [ENTRY_SUMMARY] = MESSAGE_ID_SUMMARY,
        [ENTRY_PROGRAM] = MESSAGE_ID_PROGRAM,
        [ENTRY_POWER_CLEAN] = MESSAGE_ID_POWER_CLEAN,
        [ENTRY_POWER_UNSAFE] = MESSAGE_ID_POWER_UNSAFE,
        [ENTRY_POWER_KEPT] = MESSAGE_ID_POWER_KEPT,
};

const char *entry_message_id(EntryKind kind) {
        return message_ids[kind];
}

static EntryKind entry_kind_from_message_id(const char *message_id) {
        for (EntryKind kind = 0; kind < _ENTRY_KIND_MAX; kind++)
                if (STREQ(message_ids[kind], message_id))
                        return kind;
        return _ENTRY_KIND_INVALID;
}

static int entry_level(const Entry *entry) {
        if (entry->kind == ENTRY_RELEASED)
                return LOG_DEBUG;
        if (entry->kind == ENTRY_SUMMARY)
                return LOG_NOTICE;
        if (entry->kind == ENTRY_POWER_UNSAFE)
                return LOG_WARNING;
        if (entry->kind == ENTRY_PROGRAM)
                return entry->program.end == PROGRAM_DONE ? LOG_INFO : LOG_WARNING;
        if (entry->kind != ENTRY_CONTROLLER)
                return LOG_INFO;
        switch (entry->outcome) {
        case OUTCOME_FAILED:
        case OUTCOME_LATE:
        case OUTCOME_VANISHED:
        case OUTCOME_UNVERIFIED:
                return LOG_WARNING;
        default:
                return LOG_INFO;
        }
}

static const char *or_unknown(const char *text) {
        return *text ? text : "-";
}

void entry_text_head(const Entry *entry, char *buffer, size_t size) {
        usec_t usec = entry->phase_usec[PHASE_SHUTDOWN];
        char seconds[TEXT_USEC_MAX];

        (void) text_format_seconds(seconds, usec);
        (void) snprintf(buffer, size, "%s %s: %s%s%s%s", or_unknown(entry->name), entry->address,
                        outcome_to_string(entry->outcome), usec > 0 ? " in " : "",
                        usec > 0 ? seconds : "",
                        entry->is_flushed && entry->outcome == OUTCOME_LEFT ? ", flushed" : "");
}

/* "Release=zfs: failed with status 1 after 1.203s: cannot export 'tank'" */
static void format_program(const ProgramResult *program, char *buffer, size_t size) {
        char seconds[TEXT_USEC_MAX], how[32] = "";

        if (program->end == PROGRAM_FAILED)
                (void) snprintf(how, sizeof(how), " with status %u", program->status);
        else if (program->end == PROGRAM_KILLED)
                (void) snprintf(how, sizeof(how), " by signal %u", program->status);
        (void) text_format_seconds(seconds, program->usec);
        (void) snprintf(buffer, size, "Release=%s: %s%s%s%s%s%s", program->name,
                        program_end_to_string(program->end), how,
                        program->end == PROGRAM_REFUSED ? "" : " after ",
                        program->end == PROGRAM_REFUSED ? "" : seconds, *program->said ? ": " : "",
                        program->said);
}

void entry_text_format(const Entry *entry, char *buffer, size_t size) {
        const unsigned *n = entry->totals.count;
        char head[ENTRY_HEAD_MAX], elapsed[TEXT_USEC_MAX], serial[TEXT_USEC_MAX],
                saved[TEXT_USEC_MAX], by_word[48] = "", begun[48] = "";

        switch (entry->kind) {
        case ENTRY_CONTROLLER:
                entry_text_head(entry, head, sizeof(head));
                (void) snprintf(buffer, size, "%s%s%s", head, *entry->reason ? ": " : "",
                                entry->reason);
                break;
        case ENTRY_RELEASED:
                (void) text_format_seconds(elapsed, entry->released_usec);
                (void) snprintf(buffer, size, "%s %s released after %u child%s, %s", entry->device,
                                entry->address, entry->n_children,
                                entry->n_children == 1 ? "" : "ren", elapsed);
                break;
        case ENTRY_PROGRAM:
                format_program(&entry->program, buffer, size);
                break;
        case ENTRY_POWER_CLEAN:
                (void) snprintf(buffer, size,
                                "%s %s went down cleanly: power was removed and its "
                                "unsafe-shutdown counter did not increase",
                                or_unknown(entry->name), entry->address);
                break;
        case ENTRY_POWER_UNSAFE:
                (void) snprintf(
                        buffer, size,
                        "%s %s did not go down cleanly: its unsafe-shutdown counter has increased "
                        "by %" PRIu64 " since the last boot, to %" PRIu64,
                        or_unknown(entry->name), entry->address, entry->new_unsafe_shutdowns,
                        entry->unsafe_shutdowns);
                break;
        case ENTRY_POWER_KEPT:
                (void) snprintf(buffer, size,
                                "%u NVMe drive%s kept power since the last boot, which proves "
                                "nothing about how the last shutdown went",
                                entry->n_drives, entry->n_drives == 1 ? "" : "s");
                break;
        default:
                (void) text_format_seconds(elapsed, entry->totals.elapsed_usec);
                (void) text_format_seconds(serial, entry->totals.serial_usec);
                (void) text_format_seconds(saved, entry->totals.saved_usec);
                if (entry->totals.n_by_word > 0)
                        (void) snprintf(by_word, sizeof(by_word), " (%u by the driver's word)",
                                        entry->totals.n_by_word);
                if (n[OUTCOME_BEGUN] > 0)
                        (void) snprintf(begun, sizeof(begun), ", %u begun", n[OUTCOME_BEGUN]);
                (void) snprintf(
                        buffer, size,
                        "%u NVMe controllers detached%s in %s, %u left, %u late, %u "
                        "failed, %u vanished, %u unverified%s; one after the other about %s, saved "
                        "%s",
                        n[OUTCOME_DETACHED], by_word, elapsed, n[OUTCOME_LEFT], n[OUTCOME_LATE],
                        n[OUTCOME_FAILED], n[OUTCOME_VANISHED], n[OUTCOME_UNVERIFIED], begun,
                        serial, saved);
        }
}

void entry_log(const Entry *entry) {
        char fields[FIELDS_MAX][FIELD_MAX], suffix[SUFFIX_MAX], value[FIELD_MAX];
        const char *list[FIELDS_MAX] = { fields[0], fields[1] };
        size_t n_fields = 2;

        entry_text_format(entry, value, sizeof(value));
        (void) snprintf(fields[0], FIELD_MAX, "MESSAGE=%.*s", VALUE_MAX, value);
        (void) snprintf(fields[1], FIELD_MAX, "MESSAGE_ID=%s", message_ids[entry->kind]);
        for (size_t i = 0; i < n_entry_values; i++) {
                if (!entry_value_is_for(&entry_values[i], entry->kind))
                        continue;
                entry_value_format(entry, &entry_values[i], value, sizeof(value));
                if (!*value && !entry_values[i].is_needed)
                        continue;
                (void) snprintf(fields[n_fields], FIELD_MAX, "%s=%.*s", entry_values[i].field,
                                VALUE_MAX, value);
                list[n_fields] = fields[n_fields];
                n_fields++;
        }
        entry_line_words(entry, suffix, sizeof(suffix));
        /* Bridges are left out of the kernel log: see entry_line.h. */
        log_fields(entry_level(entry), entry->kind == ENTRY_RELEASED ? NULL : suffix, list,
                   n_fields);
}

void entry_take_field(Entry *entry, const char *data, size_t length) {
        const char *text = memchr(data, '=', length);
        size_t n = text ? (size_t) (text - data) : 0;
        char value[FIELD_MAX];

        if (!text || length - n > sizeof(value))
                return;
        (void) snprintf(value, sizeof(value), "%.*s", (int) (length - n - 1), text + 1);
        if (n == strlen("MESSAGE_ID") && STARTSWITH(data, "MESSAGE_ID=")) {
                entry->kind = entry_kind_from_message_id(value);
                return;
        }
        for (size_t i = 0; i < n_entry_values; i++)
                if (strlen(entry_values[i].field) == n &&
                    strncmp(entry_values[i].field, data, n) == 0 &&
                    entry_value_parse(entry, &entry_values[i], value) < 0)
                        entry->is_broken = true;
}

bool entry_is_same(const Entry *a, const Entry *b) {
        if (a->kind != b->kind || a->stage != b->stage || !STREQ(a->address, b->address) ||
            !STREQ(a->program.name, b->program.name) || !STREQ(a->boot_id, b->boot_id))
                return false;
        if (a->kind == ENTRY_CONTROLLER)
                return a->outcome == b->outcome && a->is_flushed == b->is_flushed;
        return memcmp(a->totals.count, b->totals.count, sizeof(a->totals.count)) == 0;
}

bool entry_is_open(const Entry *entry) {
        return entry->outcome == OUTCOME_BEGUN || entry->outcome == OUTCOME_LATE;
}

bool entry_is_boot_id(const char *text) {
        return strspn(text, "0123456789abcdef") == BOOT_ID_MAX - 1 && !text[BOOT_ID_MAX - 1];
}

int entry_check(const Entry *entry) {
        if (entry->kind < 0 || entry->kind >= _ENTRY_KIND_MAX || entry->is_broken)
                return -EBADMSG;
        if (*entry->boot_id && !entry_is_boot_id(entry->boot_id))
                return -EBADMSG;
        if (entry->kind == ENTRY_SUMMARY || entry->kind == ENTRY_POWER_KEPT)
                return 0;
        if (entry->kind == ENTRY_PROGRAM)
                return *entry->program.name ? 0 : -EBADMSG;
        return *entry->address ? 0 : -EBADMSG;
}

static void copy_text(char *target, size_t size, const char *text) {
        (void) snprintf(target, size, "%s", text ? text : "");
}

/* Goes from the device upwards, so that a path that is too long loses its front. n ends a
 * circle. */
static void copy_path(char *target, size_t size, const Topology *topology, size_t device) {
        size_t used = 0;

        *target = '\0';
        for (size_t n = 0; device != TOPOLOGY_NONE && n < topology->n_devices; n++) {
                const char *address = topology->devices[device].address;
                size_t length = strlen(address), slash = used > 0;

                if (used + length + slash + 1 > size)
                        return;
                memmove(target + length + slash, target, used + 1);
                memcpy(target, address, length);
                if (slash)
                        target[length] = '/';
                used += length + slash;
                device = topology->devices[device].parent;
        }
}

void entry_set_drive(Entry *entry, const Topology *topology, size_t device) {
        const Device *d = &topology->devices[device];
        const Controller *c = d->controller;

        copy_text(entry->address, sizeof(entry->address), d->address);
        copy_path(entry->path, sizeof(entry->path), topology, d->parent);
        copy_text(entry->name, sizeof(entry->name), c->name);
        copy_text(entry->model, sizeof(entry->model), c->model);
        copy_text(entry->serial, sizeof(entry->serial), c->serial);
}

void entry_find_drive(Entry *entry, const Topology *topology) {
        for (size_t i = 0; *entry->serial && i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                const Controller *c = d->controller;

                if (!c || !c->serial || !STREQ(c->serial, entry->serial))
                        continue;
                if (!*entry->model)
                        copy_text(entry->model, sizeof(entry->model), c->model);
                if (!*entry->path && STREQ(d->address, entry->address))
                        copy_path(entry->path, sizeof(entry->path), topology, d->parent);
        }
}
