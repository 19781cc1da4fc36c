/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry of a shutdown's record, and the two forms in which it outlives the machine: the fields
 * of a journal entry and a line of the kernel log. The writer and the reader of both work from one
 * table, so that they can't drift apart. */
#pragma once

#include "record/record.h"

typedef enum EntryKind {
        ENTRY_CONTROLLER,   /* what became of a controller */
        ENTRY_RELEASED,     /* a bridge was released after its last child */
        ENTRY_SUMMARY,      /* the totals of a stage */
        ENTRY_POWER_CLEAN,  /* a drive lost its power and counts no unsafe shutdown more */
        ENTRY_POWER_UNSAFE, /* a drive counts more unsafe shutdowns than at the last boot */
        ENTRY_POWER_KEPT,   /* some drives did not lose their power: that proves nothing */
        _ENTRY_KIND_MAX,
        _ENTRY_KIND_INVALID = -EINVAL,
} EntryKind;

/* sd_id128_t in lower case, as in _BOOT_ID=. */
#define BOOT_ID_MAX 33

/* Texts are "" where nothing is known; times on CLOCK_MONOTONIC of the boot that went down. */
typedef struct Entry {
        EntryKind kind;
        char boot_id[BOOT_ID_MAX]; /* of the boot that went down */
        Stage stage;
        Action action;
        usec_t stage_usec; /* when the stage began */

        char address[32];
        char name[32];  /* ENTRY_CONTROLLER from here on */
        char path[160]; /* addresses of the bridges above it, the host bridge first, with '/' */
        char model[48];
        char serial[32];
        Outcome outcome;
        bool is_flushed;
        bool is_verified;
        char reason[REASON_MAX];
        uint64_t n_waited_for; /* ENTRY_RELEASED too: devices that it had to wait for */
        char released_by[32];  /* address of the last of them */
        usec_t started_usec;
        usec_t phase_usec[_PHASE_MAX];

        char device[32]; /* ENTRY_RELEASED: "root port" */
        unsigned n_children;
        usec_t released_usec; /* since the stage began */

        RecordTotals totals; /* ENTRY_SUMMARY */

        /* ENTRY_POWER_CLEAN, ENTRY_POWER_UNSAFE: SMART, and how much more than at the last boot */
        uint64_t power_cycles;
        uint64_t new_power_cycles;
        uint64_t unsafe_shutdowns;
        uint64_t new_unsafe_shutdowns;
        unsigned n_drives; /* ENTRY_POWER_KEPT */

        bool is_broken; /* entry_take_field() saw a value that none of ours can have */
} Entry;

/* Writes it to the log: a journal entry with a MESSAGE_ID and fields, a kernel log line of at most
 * LOG_KMSG_MAX bytes (entry_line.h; none for a bridge), or a line on stderr. */
void entry_log(const Entry *entry);

/* For each field of a journal entry, "NAME=value" of that length without a NUL: takes what it
 * knows over into *entry, which begins zeroed, MESSAGE_ID= included. The sender is not trusted:
 * what does not fit is left out. */
void entry_take_field(Entry *entry, const char *data, size_t length);

/* Whether the fields taken over make up an entry: 0 or -EBADMSG. */
int entry_check(const Entry *entry) _must_check_;

/* 32 hexadecimal digits: it becomes part of files and of questions to the journal. */
bool entry_is_boot_id(const char *text);

const char *entry_message_id(EntryKind kind);

/* The entry's MESSAGE=: "nvme0 0000:01:00.0: left, flushed: /dev/nvme0n1 is mounted on /". */
void entry_text_format(const Entry *entry, char *buffer, size_t size);

/* Longest head, its NUL included. */
#define ENTRY_HEAD_MAX 160

/* The text of a controller up to its reason: "nvme0 0000:01:00.0: left, flushed". */
void entry_text_head(const Entry *entry, char *buffer, size_t size);

/* Takes over what the topology knows of that controller: name, address, path, model, serial. */
void entry_set_drive(Entry *entry, const Topology *topology, size_t device);

/* For an entry out of the kernel log, whose line had no room for them: takes model and path from
 * the machine that runs now. The model is that of a controller with the same serial number; the
 * path is only taken if it is at the same address as well. What is set already stays. */
void entry_find_drive(Entry *entry, const Topology *topology);
