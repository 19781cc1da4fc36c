/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Drives over several shutdowns, side by side. Plain data in, plain data out. */
#pragma once

#include "report/history.h"

/* A controller over several shutdowns. A drive that was moved to another slot is still the same, by
 * its serial number, unless that is the number of several controllers at the same time: virtual
 * functions have the physical one's, and both ports of a drive have the same. Those are told apart
 * by their addresses. */
typedef struct Trend {
        char serial[sizeof(((Entry *) NULL)->serial)];
        char address[sizeof(((Entry *) NULL)->address)]; /* at the last shutdown that measured it */
        char name[sizeof(((Entry *) NULL)->name)];       /* at the last shutdown that measured it */
        char model[sizeof(((Entry *) NULL)->model)];     /* likewise */
        usec_t *usec;        /* the handshake at each shutdown; 0: not measured there */
        usec_t last_usec;    /* the last one measured */
        usec_t earlier_usec; /* the median of those before; 0: there are none */
        bool is_slower;      /* the last one took more than half as long again as the median */
} Trend;

/* histories: oldest first. *ret: one for each controller that was measured at least once, the
 * slower ones first, then by name; for trends_free(). 0 or -ENOMEM. */
int history_trend(const History *histories, size_t n_histories, Trend **ret,
                  size_t *ret_n) _must_check_;

/* Returns NULL. */
Trend *trends_free(Trend *trends, size_t n);
