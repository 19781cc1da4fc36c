/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives controllers that were unbound back to the nvme driver, and waits until they are usable. */
#pragma once

#include "record/record.h"

typedef enum RebindOutcome {
        REBIND_NONE,   /* nothing to do: this run did not unbind it */
        REBIND_DONE,   /* live, the same serial number, all its namespaces are there */
        REBIND_HELD,   /* not tried: the unbind is still under way, bind would wait for it */
        REBIND_LATE,   /* not usable by its deadline; it may still become so */
        REBIND_FAILED, /* not bound, or it is another controller */
        _REBIND_OUTCOME_MAX,
        _REBIND_OUTCOME_INVALID = -EINVAL,
} RebindOutcome;

typedef struct RebindResult {
        RebindOutcome outcome;
        char name[32];           /* what the controller is called now; "" while it has no name */
        char reason[REASON_MAX]; /* for people; "" for REBIND_NONE and REBIND_DONE */
        char mend[REASON_MAX];   /* a line for a root shell; "" where there is nothing to mend */
        usec_t usec;             /* from the decision to bind until usable, or given up */
} RebindResult;

const char *rebind_outcome_to_string(RebindOutcome outcome);

typedef struct Rebind Rebind;

/* Takes all memory and descriptors beforehand, so that nothing has been unbound yet if they can't
 * be had. topology is referred to. Blocks SIGCHLD. Returns 0 or -errno. */
int rebind_new(int root_fd, const Topology *topology, Rebind **ret) _must_check_;

/* Returns NULL. */
Rebind *rebind_free(Rebind *rebind);

/* Binds each device of wanted[] (as long as topology's devices) by a process of its own, which
 * writes the address to the driver's bind through its own descriptor: in the order of their old
 * names, the next one as soon as the one before has its name, so that each gets its old one again
 * where nobody else takes it; from there on all at the same time. limit_usec is for each of them.
 * What needs longer is left to itself, never killed. Sets results[] of those devices only. */
void rebind_run(Rebind *rebind, const bool *wanted, usec_t limit_usec, RebindResult *results);

/* REBIND_HELD, with reason and what to do about it later. */
void rebind_set_held(const Device *device, RebindResult *result);
