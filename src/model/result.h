/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The results of one stage of a shutdown, as plain data. */
#pragma once

#include "model/topology.h"

typedef enum Stage {
        STAGE_UNIT,
        STAGE_HOOK,
        STAGE_EXITRD,
        _STAGE_MAX,
        _STAGE_INVALID = -EINVAL,
} Stage;

typedef enum Action {
        ACTION_REBOOT,
        ACTION_POWEROFF,
        ACTION_HALT,
        ACTION_KEXEC,
        _ACTION_MAX,
        _ACTION_INVALID = -EINVAL,
} Action;

typedef enum Outcome {
        OUTCOME_PENDING,
        OUTCOME_DETACHED,   /* unbound, and CSTS.SHST=10b was read; or, without is_verified, CSTS
                               could not be read and the driver did not complain */
        OUTCOME_UNVERIFIED, /* unbound, but how the handshake ended is unknown */
        OUTCOME_LEFT,       /* not touched: the kernel's own pass takes it */
        OUTCOME_LATE,   /* not done when the stage's time was up: the kernel's pass waits for it */
        OUTCOME_FAILED, /* unbound or not, the handshake did not complete */
        OUTCOME_VANISHED, /* gone from the bus */
        _OUTCOME_MAX,
        _OUTCOME_INVALID = -EINVAL,
} Outcome;

typedef enum Phase {
        PHASE_FORK,     /* from the decision to start until the worker runs */
        PHASE_CHECK,    /* whether it is still the same controller with the same namespaces */
        PHASE_FSYNC,    /* claim and write back every namespace; or Flush for one that stays */
        PHASE_SHUTDOWN, /* the write to unbind, which does the handshake */
        PHASE_VERIFY,   /* read CSTS after that */
        _PHASE_MAX,
} Phase;

#define REASON_MAX 200

/* Holds no pointers: workers fill one in shared memory. */
typedef struct StepResult {
        Outcome outcome;
        bool is_verified; /* CSTS.SHST=10b was read */
        bool is_flushed;  /* each of its namespaces */
        bool is_taken; /* the kernel accepted our write to unbind: if the controller has no driver
                             now, we have unbound it */
        bool is_gone;  /* of OUTCOME_VANISHED: sysfs has no such device (or no such physical
                             function) either */
        usec_t started_usec;
        usec_t ended_usec;
        usec_t phase_usec[_PHASE_MAX]; /* how long each phase took */
        usec_t contention_usec;        /* how long PHASE_SHUTDOWN waited for a processor */
        size_t n_gates;                /* steps below that had to succeed before it could start */
        size_t n_turns;                /* other steps that the order put before it */
        size_t released_by;            /* the last of both to end, if there were any */
        char reason[REASON_MAX]; /* for people; "" if there is none. Last, since it is most of the
                                    size and rarely read */
} StepResult;

typedef struct Record {
        Stage stage;
        Action action;
        char boot_id[33];    /* of the running kernel, as in _BOOT_ID=; "" if unknown */
        usec_t started_usec; /* of the stage; waves_run() sets it if it is 0 */
        usec_t ended_usec;
        bool is_rcu_expedited; /* by us; the kernel's own pass would have run without */
        StepResult *results;   /* results[i] belongs to Topology.devices[i] */
        size_t n_results;
} Record;

#define RECORD_INIT ((Record){})

typedef struct RecordTotals {
        unsigned count[_OUTCOME_MAX]; /* controllers by outcome */
        usec_t elapsed_usec;
        usec_t serial_usec; /* what the kernel alone would have taken, about; see record_totals() */
        usec_t saved_usec;  /* serial - elapsed, at least 0 */
        unsigned n_by_word; /* detached without is_verified: only the driver's silence says so */
} RecordTotals;

extern const char *const stage_names[_STAGE_MAX];
extern const char *const action_names[_ACTION_MAX];

/* The words of each enum. to_string returns NULL for an invalid value, from_string the enum's
 * _INVALID for an unknown word. */
const char *stage_to_string(Stage stage);
Stage stage_from_string(const char *text);
const char *action_to_string(Action action);
Action action_from_string(const char *text);
const char *outcome_to_string(Outcome outcome);
Outcome outcome_from_string(const char *text);
const char *phase_to_string(Phase phase);

/* Sets outcome and reason together. format: NULL for no reason. */
void step_result_set(StepResult *result, Outcome outcome, const char *format, ...) _printf_(3, 4);

/* Makes a record of n_results pending results. 0 or -ENOMEM. */
int record_init(Record *record, Stage stage, Action action, size_t n_results) _must_check_;
void record_done(Record *record);

#define _cleanup_record_ _cleanup_(record_done)

/* Counts the outcomes and estimates the gain.
 *
 *   elapsed_usec: all that the stage took, the survey of the machine included.
 *   serial_usec: what the kernel's own pass would have taken, one by one, for the controllers whose
 *   unbind has ended. It is the sum of their PHASE_SHUTDOWN,
 *     - less contention_usec, since that pass has the machine to itself;
 *     - plus 25 ms each if we have expedited RCU. The kernel's pass waits for grace periods too
 *       (blk_mq_quiesce_queue() of both kinds of queues, nvme_dev_disable(), 6.1), but for normal
 *       ones, which take 10 to 15 ms each at any HZ (RCU_JIFFIES_TILL_FORCE_QS).
 *
 * serial_usec includes waits that look like the drive's: for a lock, or for a kernel thread without
 * a processor. Error against the kernel alone, by QEMU's virtual clock, one processor, Linux 6.1
 * (tests/vm/bench.py):
 *
 *   8, 32 and 64 controllers of 0 ms: -3, -4 and -1 %
 *   8 and 64 of 500 ms: -1 and 0 %
 *   24 of 0.1 to 13 s: 0 %
 *   128 of 500 ms: +6 %
 *   128 of 0 ms: +24 % */
RecordTotals record_totals(const Record *record, const Topology *topology);
