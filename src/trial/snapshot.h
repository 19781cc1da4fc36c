/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine in a file, so that what it does can be seen on any other. */
#pragma once

#include "base/lines.h"
#include "config/config.h"
#include "model/topology.h"

/* Raised when a reader of the earlier one would misunderstand; members that are merely new don't
 * count, they are ignored. */
#define SNAPSHOT_SCHEMA "nvme-async-shutdown-snapshot"
#define SNAPSHOT_SCHEMA_VERSION 1

typedef struct Snapshot {
        Config config;     /* without origins */
        Topology topology; /* sorted, with its uses, serials and RTD3E */
        char *kernel;      /* release of the kernel that it was taken on, or NULL */
        Lines unknown;     /* for people: each fact that could not be found out */
} Snapshot;

#define SNAPSHOT_INIT ((Snapshot){})

void snapshot_done(Snapshot *snapshot);

/* Writes JSON, printable ASCII whatever the strings hold. 0 or -errno. */
int snapshot_write(const Snapshot *snapshot, FILE *stream) _must_check_;

/* Reads what snapshot_write() wrote, or whatever else is in the file: it may come from anybody. 0;
 * -ENOMEM; -errno, with the file, the place and the fault in why. */
int snapshot_read(const char *file, Snapshot *ret, char *why, size_t why_size) _must_check_;
