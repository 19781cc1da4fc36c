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

/* Detached without is_verified: CSTS could not be read, and the driver did not complain. */
typedef enum Outcome {
        OUTCOME_PENDING,
        OUTCOME_DETACHED,   /* unbound, and CSTS.SHST=10b was seen (is_verified) */
        OUTCOME_UNVERIFIED, /* unbound, but how its shutdown went is unknown */
        OUTCOME_LEFT,       /* not touched: the kernel's own pass shuts it down */
        OUTCOME_LATE,       /* not done at the deadline: the kernel's pass waits for it */
        OUTCOME_FAILED,     /* unbound or not, the handshake did not complete */
        OUTCOME_VANISHED,   /* gone from the bus */
        OUTCOME_BEGUN,      /* its handshake is under way and is not waited for: the kernel's pass
                               waits for it */
        _OUTCOME_MAX,
        _OUTCOME_INVALID = -EINVAL,
} Outcome;

typedef enum Phase {
        PHASE_FORK,     /* from the decision to start until the worker runs */
        PHASE_CHECK,    /* is it still the same controller, with the same namespaces? */
        PHASE_FSYNC,    /* claim and write back every namespace; or Flush, if it stays */
        PHASE_SHUTDOWN, /* the write to unbind, which is the handshake */
        PHASE_VERIFY,   /* reading CSTS after it */
        _PHASE_MAX,
} Phase;

#define REASON_MAX 200

/* Has no pointers, as workers fill it in in shared memory. */
typedef struct StepResult {
        Outcome outcome;
        bool is_verified; /* CSTS.SHST=10b was read */
        bool is_flushed;  /* each of its namespaces was */
        /* The kernel did not refuse our write to unbind: if the controller has no driver now, we
         * are the cause. */
        bool is_taken;
        bool is_gone; /* OUTCOME_VANISHED: it, or its physical function, is gone from sysfs too */
        usec_t started_usec;
        usec_t ended_usec;
        usec_t phase_usec[_PHASE_MAX]; /* how long each phase took */
        usec_t contention_usec;        /* of PHASE_SHUTDOWN: spent waiting for a processor */
        size_t n_gates;                /* steps below that had to succeed before it could start */
        size_t n_turns;                /* other steps that the order put ahead of it */
        size_t released_by;            /* the last one of all these steps, if there were any */
        /* For people; "" if there is none. The last member, as it is most of the size and rarely
         * read. */
        char reason[REASON_MAX];
} StepResult;

/* How a program of Release= ended. */
typedef enum ProgramEnd {
        PROGRAM_DONE,    /* exited with status 0 */
        PROGRAM_FAILED,  /* exited with another status */
        PROGRAM_KILLED,  /* ended by a signal */
        PROGRAM_LATE,    /* had not ended at its deadline */
        PROGRAM_REFUSED, /* never started */
        _PROGRAM_END_MAX,
        _PROGRAM_END_INVALID = -EINVAL,
} ProgramEnd;

/* The longest name of a program in Release=, its NUL included; and how many there may be. */
#define PROGRAM_NAME_MAX 32
#define PROGRAMS_MAX 16

typedef struct ProgramResult {
        char name[PROGRAM_NAME_MAX];
        ProgramEnd end;
        unsigned status; /* PROGRAM_FAILED: the exit status; PROGRAM_KILLED: the signal */
        usec_t usec;
        char said[REASON_MAX]; /* the last line of its output, or why it was refused; may be "" */
} ProgramResult;

typedef struct Record {
        Stage stage;
        Action action;
        char boot_id[33];    /* of the running kernel, as in _BOOT_ID=; "" if unknown */
        usec_t started_usec; /* of the stage; if it is 0, waves_run() sets it */
        usec_t ended_usec;
        bool is_rcu_expedited; /* by us; the kernel's own pass would have run without */
        StepResult *results;   /* results[i] belongs to Topology.devices[i] */
        size_t n_results;
        size_t shared_size; /* of the mapping that holds results; 0: they are on the heap */
} Record;

#define RECORD_INIT ((Record){})

typedef struct RecordTotals {
        unsigned count[_OUTCOME_MAX]; /* controllers by outcome */
        usec_t elapsed_usec;
        usec_t serial_usec; /* what the kernel alone would have taken, about; see record_totals() */
        usec_t saved_usec;  /* serial - elapsed, at least 0 */
        unsigned n_by_word; /* of the detached ones: by the driver's word, without SHST=10b */
} RecordTotals;

extern const char *const stage_names[_STAGE_MAX];
extern const char *const action_names[_ACTION_MAX];

/* to_string returns NULL for an unknown value, from_string _X_INVALID for an unknown word. */
const char *stage_to_string(Stage stage);
Stage stage_from_string(const char *text);
const char *action_to_string(Action action);
Action action_from_string(const char *text);
const char *outcome_to_string(Outcome outcome);
Outcome outcome_from_string(const char *text);
const char *phase_to_string(Phase phase);
const char *program_end_to_string(ProgramEnd end);
ProgramEnd program_end_from_string(const char *text);

/* Sets the outcome together with its reason. format may be NULL: the reason becomes "".
 *
 * Neither function allocates: workers call both on a result in shared memory. A reason that is
 * too long is cut off. The arguments must not point into result->reason. */
void step_result_set(StepResult *result, Outcome outcome, const char *format, ...) _printf_(3, 4);

/* Sets the reason and leaves the outcome alone. */
void step_result_set_reason(StepResult *result, const char *format, ...) _printf_(2, 3);

/* Makes a record of n_results pending results. Returns 0 or -ENOMEM. */
int record_init(Record *record, Stage stage, Action action, size_t n_results) _must_check_;

/* The same, with the results in memory that processes share which are forked later. */
int record_init_shared(Record *record, Stage stage, Action action, size_t n_results) _must_check_;
void record_done(Record *record);

#define _cleanup_record_ _cleanup_(record_done)

/* Counts the controllers by outcome, and computes the time that was saved.
 *
 * elapsed_usec  all that the stage took, including the survey
 * serial_usec   about what the kernel's own pass, one controller after the other, would have taken
 *               for those whose unbind has ended: the sum of PHASE_SHUTDOWN,
 *               less contention_usec, as that pass has the machine for itself,
 *               plus 25 ms for each where we have expedited RCU
 *
 * The kernel's pass waits for grace periods as well (blk_mq_quiesce_queue() of both kinds of
 * queues, nvme_dev_disable(), 6.1), but for normal ones, which take 10 to 15 ms each at any HZ
 * (RCU_JIFFIES_TILL_FORCE_QS).
 *
 * Still included are waits that look like the drive's: for a lock, or for a kernel thread that had
 * no processor. Compared with the kernel alone on QEMU's virtual clock, one processor, 6.1
 * (tests/vm/bench.py), serial_usec was off by
 *   -3, -4 and -1 %  8, 32 and 64 controllers of 0 ms
 *   -1 and 0 %       8 and 64 of 500 ms
 *   0 %              24 of 0.1 to 13 s
 *   +6 %             128 of 500 ms
 *   +24 %            128 of 0 ms */
RecordTotals record_totals(const Record *record, const Topology *topology);
