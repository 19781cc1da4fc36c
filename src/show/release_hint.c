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

/* Containers say "external:imsm", their arrays "external:/md127/0". 1, 0 or -ENOMEM. */
static int has_external_metadata(int root_fd, const Block *block) {
        _cleanup_free_ char *version = NULL;
        char path[128];
        int r;

        (void) snprintf(path, sizeof(path), "sys/class/block/%s/md/metadata_version", block->name);
        r = file_read(root_fd, path, &version);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        return STARTSWITH(version, "external:");
}

static bool is_nvmet(const Use *use) {
        return use->kind == USE_TARGET && strstr(use->detail, "nvmet");
}

typedef struct Hints {
        unsigned kinds; /* bits 1 << ReleaseHint */
        char *pool;     /* the first ZFS pool whose name udev knows, or NULL */
} Hints;

static void hints_done(Hints *hints) {
        free(hints->pool);
}

static int find_pool(int root_fd, const Block *block, Hints *hints) {
        _cleanup_free_ char *pool = NULL;
        int r = zfs_member_find_pool(root_fd, block, &pool);

        if (r < 0)
                return r == -ENOMEM ? r : 0;
        hints->kinds |= 1U << RELEASE_HINT_ZFS;
        if (!hints->pool)
                hints->pool = TAKE_PTR(pool);
        return 0;
}

/* Adds those of the block and of all that stands on it. Returns 0 or -ENOMEM. */
static int find_hints(int root_fd, const Topology *topology, size_t block, unsigned depth,
                      Hints *hints) {
        const Block *b = &topology->blocks[block];
        int r;

        if (b->kind == BLOCK_HOLDER && STARTSWITH(b->name, "bcache"))
                hints->kinds |= 1U << RELEASE_HINT_BCACHE;
        if (is_nvmet(&b->use))
                hints->kinds |= 1U << RELEASE_HINT_NVMET;
        r = b->kind == BLOCK_HOLDER ? has_external_metadata(root_fd, b) : 0;
        if (r > 0)
                hints->kinds |= 1U << RELEASE_HINT_MD_CONTAINERS;
        if (r >= 0)
                r = find_pool(root_fd, b, hints);
        for (size_t i = 0; depth < DEPTH_MAX && i < b->n_users && r >= 0; i++)
                r = find_hints(root_fd, topology, b->users[i], depth + 1, hints);
        return r;
}

static int find_hints_of_controller(int root_fd, const Topology *topology, size_t device,
                                    Hints *hints) {
        int r = 0;

        for (size_t i = 0; i < topology->n_blocks && r >= 0; i++)
                if (block_leads_to(&topology->blocks[i], device))
                        r = find_hints(root_fd, topology, i, 0, hints);
        return r;
}

static bool is_configured(const Config *config, const char *name) {
        for (size_t i = 0; config->release && config->release[i]; i++)
                if (STREQ(config->release[i], name))
                        return true;
        return false;
}

static int add_hint(const Config *config, ReleaseHint hint, const char *pool, Step *step) {
        const char *name = release_hint_to_string(hint);
        bool is_named = hint == RELEASE_HINT_ZFS && pool;
        char *reason;

        if (asprintf(&reason, "%s; Release=%s %s it from %s%s in the hook", step->reason, name,
                     is_configured(config, name) ? "frees" : "would free",
                     is_named ? "the ZFS pool " : holder_table[hint], is_named ? pool : "") < 0)
                return -ENOMEM;
        free(step->reason);
        step->reason = reason;
        return 0;
}

static int add_hints(int root_fd, const Topology *topology, const Config *config, size_t device,
                     Step *step) {
        _cleanup_(hints_done) Hints hints = {};
        int r = find_hints_of_controller(root_fd, topology, device, &hints);

        for (ReleaseHint hint = 0; hint < _RELEASE_HINT_MAX && r >= 0; hint++)
                if (hints.kinds & (1U << hint))
                        r = add_hint(config, hint, hints.pool, step);
        return r;
}

int release_hints_add(int root_fd, const Topology *topology, const Config *config, Plan *plan) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Controller *c = topology->devices[i].controller;
                int r;

                if (!c || plan->steps[i].action != STEP_LEAVE || c->use.kind == USE_NONE ||
                    c->use.kind == USE_ROOT)
                        continue;
                r = add_hints(root_fd, topology, config, i, &plan->steps[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}
