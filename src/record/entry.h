/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry of a shutdown's record, and the two forms in which it survives the reboot: the fields
 * of a journal entry, and a line of the kernel log (entry_line.h). Both are written and read from
 * one table (entry_values.h), so that writer and reader can't diverge. */
#pragma once

#include "model/result.h"

typedef enum EntryKind {
        ENTRY_CONTROLLER,   /* the outcome of a controller */
        ENTRY_RELEASED,     /* a bridge was released after its last child */
        ENTRY_SUMMARY,      /* the totals of a stage */
        ENTRY_PROGRAM,      /* how a program of Release= ended */
        ENTRY_POWER_CLEAN,  /* a drive lost power, its unsafe-shutdown counter did not increase */
        ENTRY_POWER_UNSAFE, /* a drive's unsafe-shutdown counter has increased */
        ENTRY_POWER_KEPT,   /* some drives did not lose power: their counters prove nothing */
        _ENTRY_KIND_MAX,
        _ENTRY_KIND_INVALID = -EINVAL,
} EntryKind;

/* A boot ID as in _BOOT_ID=: 32 hexadecimal digits in lower case, and the NUL. */
#define BOOT_ID_MAX 33

/* Texts are "" if unknown. Times are on CLOCK_MONOTONIC of the boot that went down. */
typedef struct Entry {
        EntryKind kind;
        char boot_id[BOOT_ID_MAX]; /* the boot that went down */
        Stage stage;
        Action action;
        usec_t stage_usec; /* when the stage began */

        /* ENTRY_CONTROLLER; address, n_waited_for and released_by also ENTRY_RELEASED; address,
         * name, model and serial also ENTRY_POWER_CLEAN and ENTRY_POWER_UNSAFE */
        char address[32];
        char name[32];
        char path[160]; /* addresses of the bridges above it, the host bridge first, with '/' */
        char model[48];
        char serial[32];
        Outcome outcome;
        bool is_flushed;
        bool is_verified;
        char reason[REASON_MAX];
        uint64_t n_waited_for; /* how many devices it had to wait for */
        char released_by[32];  /* address of the last one of them */
        usec_t started_usec;
        usec_t phase_usec[_PHASE_MAX];

        /* ENTRY_RELEASED */
        char device[32]; /* "bridge" */
        unsigned n_children;
        usec_t released_usec; /* since the stage began */

        /* ENTRY_SUMMARY */
        RecordTotals totals;

        /* ENTRY_PROGRAM */
        ProgramResult program;

        /* ENTRY_POWER_CLEAN, ENTRY_POWER_UNSAFE: SMART counters, and their increase since the last
         * boot */
        uint64_t power_cycles;
        uint64_t new_power_cycles;
        uint64_t unsafe_shutdowns;
        uint64_t new_unsafe_shutdowns;

        /* ENTRY_POWER_KEPT */
        unsigned n_drives;

        /* Set by history_make(): what another entry of the same stage said before this controller had
         * ended, OUTCOME_BEGUN or OUTCOME_LATE; OUTCOME_PENDING: there is none. */
        Outcome said_before;

        bool is_broken; /* entry_take_field() found a value that this program does not write */
} Entry;

/* Fills in what the topology knows of that controller: name, address, path, model, serial
 * number. */
void entry_set_drive(Entry *entry, const Topology *topology, size_t device);

/* Fills in model and path, which a line of the kernel log has no room for, from the running
 * machine: the model of a controller with the same serial number, and the path only if it has the
 * same address, too. Values that are set already stay. */
void entry_find_drive(Entry *entry, const Topology *topology);

/* Logs the entry. Depending on log_open(), that is
 *   a journal entry with a MESSAGE_ID= and fields,
 *   a line of the kernel log, of at most LOG_KMSG_MAX bytes (entry_line.h); none for a bridge,
 *   or a line on stderr. */
void entry_log(const Entry *entry);

/* Takes over one field of a journal entry: data is "NAME=value", length bytes without a NUL. Call
 * it for each field, MESSAGE_ID= included, on an entry that was zeroed. The sender is not trusted:
 * unknown fields and values that are too long are ignored, invalid ones set is_broken. */
void entry_take_field(Entry *entry, const char *data, size_t length);

/* Whether the fields that were taken over make up an entry: 0 or -EBADMSG. */
int entry_check(const Entry *entry) _must_check_;

/* Whether both say the same: a record may reach the reader twice. A controller has two entries in a
 * stage that did not wait for its end, and such a stage two summaries. */
bool entry_is_same(const Entry *a, const Entry *b);

/* Whether the entry of a controller does not tell how it ended: it was begun or late. */
bool entry_is_open(const Entry *entry);

/* Whether text is 32 hexadecimal digits in lower case: it becomes part of file names and of journal
 * matches. */
bool entry_is_boot_id(const char *text);

const char *entry_message_id(EntryKind kind);

/* The entry's MESSAGE=: "nvme0 0000:01:00.0: left, flushed: /dev/nvme0n1 is mounted on /". */
void entry_text_format(const Entry *entry, char *buffer, size_t size);

/* Longest head, its NUL included. */
#define ENTRY_HEAD_MAX 160

/* A controller's text up to its reason: "nvme0 0000:01:00.0: left, flushed". */
void entry_text_head(const Entry *entry, char *buffer, size_t size);
