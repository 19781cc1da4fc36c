/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From what is in use to who is needed; see inuse.h. */

#include "inuse/inuse.h"

#include "inuse/processes.h"
#include "inuse/state.h"
#include "inuse/tables.h"
#include "tree/block_node.h"

static int use_copy(Use *use, UseKind kind, const char *detail) {
        char *copy;

        if (kind <= use->kind)
                return 0;
        copy = detail ? strdup(detail) : NULL;
        if (!copy)
                return -ENOMEM;
        use_raise(use, kind, copy);
        return 0;
}

static int use_hold(Use *use, const Block *holder, const Block *held) {
        char *detail;

        if (USE_HOLDER <= use->kind)
                return 0;
        if (asprintf(&detail, "%s stands on /dev/%s", holder->name, held->name) < 0)
                return -ENOMEM;
        use_raise(use, USE_HOLDER, detail);
        return 0;
}

/* The most telling use of the block and of everything that stands on it, at any depth. */
static int standing_use(const Topology *topology, size_t block, Use *ret_use) {
        _cleanup_free_ char *seen = NULL;
        size_t *queue, n = 0;
        int r = 0;

        seen = calloc(topology->n_blocks, 1);
        queue = calloc(topology->n_blocks, sizeof(size_t));
        if (!seen || !queue) {
                free(queue);
                return -ENOMEM;
        }
        queue[n++] = block;
        seen[block] = true;
        for (size_t i = 0; i < n && r >= 0; i++) {
                const Block *b = &topology->blocks[queue[i]];

                r = use_copy(ret_use, b->use.kind, b->use.detail);
                for (size_t k = 0; k < b->n_users && r >= 0; k++) {
                        size_t user = b->users[k];

                        if (topology->blocks[user].kind == BLOCK_HOLDER)
                                r = use_hold(ret_use, &topology->blocks[user], b);
                        if (!seen[user])
                                queue[n++] = user;
                        seen[user] = true;
                }
        }
        free(queue);
        return r;
}

/* A mount or a swap on such a block would not be recognised. */
static int mark_numberless(Inuse *inuse) {
        for (size_t i = 0; i < inuse->topology->n_blocks; i++) {
                int r;

                if (inuse->topology->blocks[i].devnum != 0)
                        continue;
                r = inuse_raise(inuse, i, USE_UNKNOWN, "/dev/%s has no device number",
                                inuse->topology->blocks[i].name);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_worth_a_claim(const Topology *topology, const Block *block) {
        for (size_t i = 0; i < block->n_controllers; i++)
                if (inuse_is_marked(topology, &topology->devices[block->controllers[i]]))
                        return true;
        return false;
}

/* Claiming the disk covers its partitions: bd_may_claim() in the kernel's block/bdev.c. */
static int claim(Inuse *inuse, size_t block) {
        const Block *b = &inuse->topology->blocks[block];
        _cleanup_close_ int fd = -1;

        fd = block_node_open(inuse->root_fd, b->name, b->devnum, true);
        if (fd >= 0)
                return 0;
        switch (fd) {
        case -EBUSY:
                return inuse_raise(inuse, block, USE_CLAIM, "the kernel holds a claim on /dev/%s",
                                   b->name);
        case -ENOENT:
                return inuse_raise(inuse, block, USE_UNKNOWN, "/dev/%s is missing", b->name);
        case -ESTALE:
                return inuse_raise(inuse, block, USE_UNKNOWN, "/dev/%s is another device", b->name);
        default:
                return inuse_raise(inuse, block, USE_UNKNOWN, "/dev/%s: %s", b->name,
                                   strerror(-fd));
        }
}

/* Opens only what nothing else explains. */
static int claim_all(Inuse *inuse) {
        for (size_t i = 0; i < inuse->topology->n_blocks; i++) {
                const Block *block = &inuse->topology->blocks[i];
                Use use = {};
                int r;

                if (block->kind != BLOCK_NAMESPACE || !is_worth_a_claim(inuse->topology, block))
                        continue;
                r = standing_use(inuse->topology, i, &use);
                if (r >= 0 && use.kind == USE_NONE)
                        r = claim(inuse, i);
                free(use.detail);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int mark_controllers(Topology *topology, const Block *block, const Use *use) {
        for (size_t i = 0; i < block->n_controllers; i++) {
                const Device *device = &topology->devices[block->controllers[i]];
                int r;

                if (!inuse_is_marked(topology, device))
                        continue;
                r = use_copy(&device->controller->use, use->kind, use->detail);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int spread_uses(Inuse *inuse) {
        Topology *topology = inuse->topology;

        for (size_t i = 0; i < topology->n_blocks; i++) {
                Use use = {};
                int r;

                if (topology->blocks[i].kind != BLOCK_NAMESPACE)
                        continue;
                r = standing_use(topology, i, &use);
                if (r >= 0)
                        r = mark_controllers(topology, &topology->blocks[i], &use);
                free(use.detail);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int spread_doubt(Inuse *inuse) {
        for (size_t i = 0; inuse->doubt && i < inuse->topology->n_devices; i++) {
                const Device *device = &inuse->topology->devices[i];
                int r;

                if (!inuse_is_marked(inuse->topology, device))
                        continue;
                r = use_copy(&device->controller->use, USE_UNKNOWN, inuse->doubt);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Each reader adds its own; what it has found is spread to the controllers at once. */
static int read_and_spread(int root_fd, Topology *topology, int (*read)(Inuse *inuse)) {
        Inuse inuse = { .root_fd = root_fd, .topology = topology };
        int r;

        r = read(&inuse);
        if (r >= 0)
                r = spread_uses(&inuse);
        if (r >= 0)
                r = spread_doubt(&inuse);
        inuse_done(&inuse);
        return r;
}

static int read_kernel(Inuse *inuse) {
        int r = mark_numberless(inuse);

        return r < 0 ? r : inuse_read_tables(inuse);
}

static int read_kernel_and_claims(Inuse *inuse) {
        int r = read_kernel(inuse);

        return r < 0 ? r : claim_all(inuse);
}

int inuse_mark(int root_fd, const InuseOptions *options, Topology *topology) {
        return read_and_spread(root_fd, topology,
                               options->claim ? read_kernel_and_claims : read_kernel);
}

int inuse_mark_open(int root_fd, Topology *topology) {
        return read_and_spread(root_fd, topology, inuse_read_open_files);
}

int inuse_mark_mapped(int root_fd, Topology *topology) {
        return read_and_spread(root_fd, topology, inuse_read_mappings);
}
