/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What "lsblk --json" has printed on a foreign machine, which has three NVMe controllers. */

#include "fake_root.h"
#include "foreign.h"
#include "fuzz.h"
#include "plan.h"

#define LSPCI                                                           \
        "-[0000:00]-+-00.0  Intel Corporation Host bridge\n"            \
        "           +-01.0-[01]----00.0  Samsung NVMe SSD Controller\n" \
        "           +-02.0-[02]----00.0  Samsung NVMe SSD Controller\n" \
        "           \\-03.0-[03-04]----00.0-[04]----00.0  Some NVMe SSD\n"

/* "snapshot --from-lsblk" writes it, and "plan --from" is to read it. */
static void require_round_trip(const Snapshot *snapshot) {
        Snapshot other = SNAPSHOT_INIT;
        char *text = NULL, why[512];
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        REQUIRE(stream && snapshot_write(snapshot, stream) == 0 && fclose(stream) == 0);
        fuzz_require_json(text);
        fake_root_write("again", text);
        REQUIRE(snapshot_read(fake_root_path("again"), &other, why, sizeof(why)) == 0);
        REQUIRE(other.topology.n_devices == snapshot->topology.n_devices);
        REQUIRE(other.topology.n_blocks == snapshot->topology.n_blocks);
        snapshot_done(&other);
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Snapshot snapshot = SNAPSHOT_INIT;
        char lspci[4096], why[512];
        Plan plan = PLAN_INIT;
        int r;

        fuzz_root();
        fake_root_write("lspci", LSPCI);
        (void) snprintf(lspci, sizeof(lspci), "%s", fake_root_path("lspci"));
        fake_root_write_binary("lsblk", data, size);
        r = foreign_read(lspci, fake_root_path("lsblk"), &snapshot, why, sizeof(why));
        if (r < 0) {
                fuzz_require_why(r, why);
                return 0;
        }
        require_round_trip(&snapshot);
        REQUIRE(plan_make(&snapshot.topology, &snapshot.config, &plan) == 0);
        plan_done(&plan);
        snapshot_done(&snapshot);
        return 0;
}
