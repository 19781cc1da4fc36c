/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares the handshake times of each controller over several shutdowns. Plain data in, plain data
 * out. */
#pragma once

#include "report/history.h"

/* A controller over several shutdowns. The serial number identifies it, even in another slot,
 * unless several controllers have had the same one at the same time: virtual functions have that of
 * the physical function, and both ports of a drive have the same. Those are identified by their
 * address too. */
typedef struct Trend {
        char serial[sizeof(((Entry *) NULL)->serial)];
        char address[sizeof(((Entry *) NULL)->address)]; /* at the last shutdown that measured it */
        char name[sizeof(((Entry *) NULL)->name)];       /* likewise */
        char model[sizeof(((Entry *) NULL)->model)];     /* likewise */
        usec_t *usec;        /* the handshake at each shutdown; 0: not measured there */
        usec_t last_usec;    /* the last one measured */
        usec_t earlier_usec; /* the median of the earlier ones; 0: there are none */
        bool is_slower;      /* last_usec is more than 1.5 times earlier_usec */
} Trend;

/* Makes a trend for each controller that was measured at least once; slower ones come first, then
 * by name.
 *   histories: oldest first;
 *   ret: for trends_free().
 * Returns 0 or -ENOMEM. */
int history_trend(const History *histories, size_t n_histories, Trend **ret,
                  size_t *ret_n) _must_check_;

/* Returns NULL. */
Trend *trends_free(Trend *trends, size_t n);
