/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Binds controllers to the nvme driver again and waits until they are usable. */
#pragma once

#include "record/record.h"

typedef enum RebindOutcome {
        REBIND_NONE,   /* not asked for: this run did not unbind it */
        REBIND_DONE,   /* live, same serial number, all namespaces present */
        REBIND_HELD,   /* not tried: the unbind is still under way, and bind would wait for it */
        REBIND_LATE,   /* not usable by its deadline; it may become usable later */
        REBIND_FAILED, /* not bound, or another controller is at its address */
        _REBIND_OUTCOME_MAX,
        _REBIND_OUTCOME_INVALID = -EINVAL,
} RebindOutcome;

typedef struct RebindResult {
        RebindOutcome outcome;
        char name[32];           /* the current name; "" while it has none */
        char reason[REASON_MAX]; /* for people; "" for REBIND_NONE and REBIND_DONE */
        char mend[REASON_MAX];   /* the command that repairs it, for a root shell; or "" */
        usec_t usec;             /* from the decision to bind until usable or given up */
} RebindResult;

const char *rebind_outcome_to_string(RebindOutcome outcome);

typedef struct Rebind Rebind;

/* Allocates all memory and descriptors in advance, so that it fails before anything is unbound.
 * Keeps a reference to topology. Blocks SIGCHLD. Returns 0 or -errno. */
int rebind_new(int root_fd, const Topology *topology, Rebind **ret) _must_check_;

/* Returns NULL. */
Rebind *rebind_free(Rebind *rebind);

/* Binds each device that has wanted[] set (indexed as topology->devices):
 *   - a process for each device writes its address to the driver's `bind`, through a descriptor of
 *     its own;
 *   - they start in the order of the old names, each as soon as the previous controller has its
 *     name: so each gets its old name again, unless it is taken; after that they run concurrently;
 *   - limit_usec is the time limit of each; a process that exceeds it is left running, not killed.
 * Blocks until all are settled. Sets results[] of these devices only. */
void rebind_run(Rebind *rebind, const bool *wanted, usec_t limit_usec, RebindResult *results);

/* Sets the result to REBIND_HELD, with the reason and the command for later. */
void rebind_set_held(const Device *device, RebindResult *result);
