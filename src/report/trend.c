/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See trend.h. */

#include "report/trend.h"

static usec_t handshake_usec(const Entry *entry) {
        return entry->phase_usec[PHASE_SHUTDOWN];
}

Trend *trends_free(Trend *trends, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(trends[i].usec);
        free(trends);
        return NULL;
}

/* A controller that was left has no handshake; without a serial number it can't be found again. */
static bool is_measured(const Entry *entry) {
        return *entry->serial && handshake_usec(entry) > 0 && entry->outcome != OUTCOME_LEFT;
}

/* Whether at most one controller at a time had that serial number. */
static bool is_single(const History *histories, size_t n_histories, const char *serial) {
        for (size_t h = 0; h < n_histories; h++) {
                size_t n = 0;

                for (size_t i = 0; i < histories[h].n_controllers; i++)
                        n += STREQ(histories[h].controllers[i].serial, serial);
                if (n > 1)
                        return false;
        }
        return true;
}

static Trend *find_trend(const History *histories, size_t n_histories, const Entry *entry,
                         Trend *trends, size_t *n) {
        Trend *trend = &trends[*n];

        for (size_t i = 0; i < *n; i++)
                if (STREQ(trends[i].serial, entry->serial) &&
                    (STREQ(trends[i].address, entry->address) ||
                     is_single(histories, n_histories, entry->serial)))
                        return &trends[i];
        trend->usec = calloc(n_histories, sizeof(usec_t));
        if (!trend->usec)
                return NULL;
        memcpy(trend->serial, entry->serial, sizeof(trend->serial));
        (*n)++;
        return trend;
}

static int compare_usec(const void *a, const void *b) {
        usec_t x = *(const usec_t *) a, y = *(const usec_t *) b;

        return CMP(x, y);
}

static usec_t median_usec(usec_t *values, size_t n) {
        qsort(values, n, sizeof(usec_t), compare_usec);
        return n % 2 ? values[n / 2] : values[n / 2 - 1] / 2 + values[n / 2] / 2;
}

static int judge_trend(Trend *trend, size_t n_histories) {
        _cleanup_free_ usec_t *earlier = calloc(n_histories, sizeof(usec_t));
        size_t n = 0;

        if (!earlier)
                return -ENOMEM;
        for (size_t i = 0; i < n_histories; i++) {
                if (trend->usec[i] == 0)
                        continue;
                if (trend->last_usec > 0)
                        earlier[n++] = trend->last_usec;
                trend->last_usec = trend->usec[i];
        }
        if (n == 0)
                return 0;
        trend->earlier_usec = median_usec(earlier, n);
        trend->is_slower = trend->last_usec > trend->earlier_usec + trend->earlier_usec / 2;
        return 0;
}

static int compare_trends(const void *a, const void *b) {
        const Trend *x = a, *y = b;

        return x->is_slower != y->is_slower ? (x->is_slower ? -1 : 1)
                                            : strverscmp(x->name, y->name);
}

static int fill_trends(const History *histories, size_t n_histories, Trend *trends, size_t *n) {
        for (size_t h = 0; h < n_histories; h++)
                for (size_t i = 0; i < histories[h].n_controllers; i++) {
                        const Entry *entry = &histories[h].controllers[i];
                        Trend *trend;

                        if (!is_measured(entry))
                                continue;
                        trend = find_trend(histories, n_histories, entry, trends, n);
                        if (!trend)
                                return -ENOMEM;
                        trend->usec[h] = handshake_usec(entry);
                        memcpy(trend->address, entry->address, sizeof(trend->address));
                        memcpy(trend->name, entry->name, sizeof(trend->name));
                        memcpy(trend->model, entry->model, sizeof(trend->model));
                }
        return 0;
}

static int make_trends(const History *histories, size_t n_histories, Trend *trends, size_t *n) {
        int r;

        r = fill_trends(histories, n_histories, trends, n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < *n; i++) {
                r = judge_trend(&trends[i], n_histories);
                if (r < 0)
                        return r;
        }
        qsort(trends, *n, sizeof(Trend), compare_trends);
        return 0;
}

int history_trend(const History *histories, size_t n_histories, Trend **ret, size_t *ret_n) {
        size_t n = 0, max = 1;
        Trend *trends;
        int r;

        for (size_t h = 0; h < n_histories; h++)
                max += histories[h].n_controllers;
        trends = calloc(max, sizeof(Trend));
        if (!trends)
                return -ENOMEM;
        r = make_trends(histories, n_histories, trends, &n);
        if (r < 0) {
                (void) trends_free(trends, n);
                return r;
        }
        *ret = trends;
        *ret_n = n;
        return 0;
}
