/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See release_hint.h. */

#include "show/release_hint.h"

#include "base/file.h"
#include "base/names.h"
#include "label/zfs_members.h"

#define DEPTH_MAX 16

static const char *const hint_table[_RELEASE_HINT_MAX] = {
        [RELEASE_HINT_ZFS] = "zfs",
        [RELEASE_HINT_MD_CONTAINERS] = "md-containers",
        [RELEASE_HINT_BCACHE] = "bcache",
        [RELEASE_HINT_NVMET] = "nvmet",
};

static const char *const holder_table[_RELEASE_HINT_MAX] = {
        [RELEASE_HINT_ZFS] = "a ZFS pool",
        [RELEASE_HINT_MD_CONTAINERS] = "a container of IMSM or DDF",
        [RELEASE_HINT_BCACHE] = "bcache",
        [RELEASE_HINT_NVMET] = "the NVMe target",
};

const char *release_hint_to_string(ReleaseHint hint) {
        return NAME_OF(hint_table, hint);
}

/* Containers say "external:imsm", their arrays "external:/md127/0". */
static bool has_external_metadata(int root_fd, const Block *block) {
        _cleanup_free_ char *version = NULL;
        char path[128];

        (void) snprintf(path, sizeof(path), "sys/class/block/%s/md/metadata_version", block->name);
        return file_read(root_fd, path, &version) >= 0 && STARTSWITH(version, "external:");
}

static bool is_nvmet(const Use *use) {
        return use->kind == USE_TARGET && strstr(use->detail, "nvmet");
}

/* Bits 1 << ReleaseHint of the block and of all that stands on it. */
static unsigned find_hints(int root_fd, const Topology *topology, size_t block, unsigned depth) {
        const Block *b = &topology->blocks[block];
        unsigned hints = 0;

        if (b->kind == BLOCK_HOLDER && STARTSWITH(b->name, "bcache"))
                hints |= 1U << RELEASE_HINT_BCACHE;
        if (b->kind == BLOCK_HOLDER && has_external_metadata(root_fd, b))
                hints |= 1U << RELEASE_HINT_MD_CONTAINERS;
        if (is_nvmet(&b->use))
                hints |= 1U << RELEASE_HINT_NVMET;
        if (zfs_member_find_pool(root_fd, b, NULL) >= 0)
                hints |= 1U << RELEASE_HINT_ZFS;
        for (size_t i = 0; depth < DEPTH_MAX && i < b->n_users; i++)
                hints |= find_hints(root_fd, topology, b->users[i], depth + 1);
        return hints;
}

static unsigned hints_of_controller(int root_fd, const Topology *topology, size_t device) {
        unsigned hints = 0;

        for (size_t i = 0; i < topology->n_blocks; i++)
                if (block_leads_to(&topology->blocks[i], device))
                        hints |= find_hints(root_fd, topology, i, 0);
        return hints;
}

static bool is_configured(const Config *config, const char *name) {
        for (size_t i = 0; config->release && config->release[i]; i++)
                if (STREQ(config->release[i], name))
                        return true;
        return false;
}

static int add_hint(const Config *config, ReleaseHint hint, Step *step) {
        const char *name = release_hint_to_string(hint);
        char *reason;

        if (asprintf(&reason, "%s; Release=%s %s it from %s in the hook", step->reason, name,
                     is_configured(config, name) ? "frees" : "would free", holder_table[hint]) < 0)
                return -ENOMEM;
        free(step->reason);
        step->reason = reason;
        return 0;
}

int release_hints_add(int root_fd, const Topology *topology, const Config *config, Plan *plan) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Controller *c = topology->devices[i].controller;
                unsigned hints;

                if (!c || plan->steps[i].action != STEP_LEAVE || c->use.kind == USE_NONE ||
                    c->use.kind == USE_ROOT)
                        continue;
                hints = hints_of_controller(root_fd, topology, i);
                for (ReleaseHint hint = 0; hint < _RELEASE_HINT_MAX; hint++) {
                        int r = hints & (1U << hint) ? add_hint(config, hint, &plan->steps[i]) : 0;

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}
