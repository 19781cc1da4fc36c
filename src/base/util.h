/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attributes, cleanup helpers and times, for every room. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _must_check_ __attribute__((warn_unused_result))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _unused_ __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* -1, 0 or 1, for qsort(3). Evaluates its arguments twice. */
#define CMP(a, b) (((a) > (b)) - ((a) < (b)))
#define STREQ(a, b) (strcmp((a), (b)) == 0)
#define STARTSWITH(s, prefix) (strncmp((s), (prefix), strlen(prefix)) == 0)

/* Times are microseconds on CLOCK_MONOTONIC unless a name says otherwise. */
typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_INFINITY UINT64_MAX

static inline usec_t usec_now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

/* p: the address of a pointer of any type. */
static inline void free_pointer(void *p) {
        void *memory;

        memcpy(&memory, p, sizeof(memory));
        free(memory);
}

static inline void close_fd(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}

static inline void close_file(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

#define _cleanup_free_ _cleanup_(free_pointer)
#define _cleanup_close_ _cleanup_(close_fd)
#define _cleanup_fclose_ _cleanup_(close_file)

/* Moves ownership out of a variable, which gets the value empty. */
#define TAKE(object, empty)                       \
        ({                                        \
                typeof(object) _taken = (object); \
                (object) = (empty);               \
                _taken;                           \
        })
#define TAKE_PTR(p) TAKE(p, NULL)
