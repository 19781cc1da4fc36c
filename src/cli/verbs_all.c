/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of verbs. */

#include "cli/verbs.h"

#define MACHINE "generate no-claim root"

const Verb verbs[] = {
        { "plan", verb_plan, "Show what would happen to each controller now, and why (default)", 0,
          "json order stage " MACHINE },
        { "simulate", verb_simulate, "Show what each order would cost, on a virtual clock", 0,
          "json latency max-parallel seed " MACHINE },
        { "snapshot", verb_snapshot, "Record this machine in a new directory, for --root", 1,
          "no-claim" },
        { "report", verb_report, "Show what each controller took at the last shutdown", 0,
          "boot journal json metrics svg trend" },
        { "import", verb_import, "Bring the last shutdown's record from pstore into the journal", 0,
          "" },
        { "rehearse", verb_rehearse, "Shut idle controllers down now and bind them again", 0,
          "json yes" },
        { "exitrd", verb_exitrd, "Exit 0 if this shutdown should use an exitrd (internal)", 0,
          "at-boot" },
        { "config", verb_config, "Show the effective configuration and where it comes from", 0,
          "json root" },
        {},
};
