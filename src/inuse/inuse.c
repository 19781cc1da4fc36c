/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Spreads the uses of block devices to their controllers; see inuse.h. */

#include "inuse/inuse.h"

#include "inuse/processes.h"
#include "inuse/state.h"
#include "inuse/tables.h"
#include "tree/block_node.h"

static void use_done(Use *use) {
        free(use->detail);
}

#define _cleanup_use_ _cleanup_(use_done)

static int raise_use(Use *use, UseKind kind, const char *detail) {
        char *copy;

        if (kind <= use->kind)
                return 0;
        copy = detail ? strdup(detail) : NULL;
        if (!copy)
                return -ENOMEM;
        use_raise(use, kind, copy);
        return 0;
}

static int raise_holder(Use *use, const Block *holder, const Block *held) {
        char *detail;

        if (USE_HOLDER <= use->kind)
                return 0;
        if (asprintf(&detail, "/dev/%s is held by %s", held->name, holder->name) < 0)
                return -ENOMEM;
        use_raise(use, USE_HOLDER, detail);
        return 0;
}

/* Breadth first over the blocks that stand on a block, the block itself included. */
typedef struct Stack {
        const Topology *topology;
        bool *is_queued;
        size_t *queue;
        size_t n;
} Stack;

static void stack_done(Stack *stack) {
        free(stack->is_queued);
        free(stack->queue);
}

#define _cleanup_stack_ _cleanup_(stack_done)

static void push_block(Stack *stack, size_t block) {
        if (!stack->is_queued[block])
                stack->queue[stack->n++] = block;
        stack->is_queued[block] = true;
}

static int push_users(Stack *stack, const Block *block, Use *use) {
        for (size_t i = 0; i < block->n_users; i++) {
                const Block *user = &stack->topology->blocks[block->users[i]];

                if (user->kind == BLOCK_HOLDER) {
                        int r = raise_holder(use, user, block);

                        if (r < 0)
                                return r;
                }
                push_block(stack, block->users[i]);
        }
        return 0;
}

/* The most telling use of the block and of everything that stands on it, at any depth. The caller
 * frees *use, which is valid on error, too. */
static int find_standing_use(const Topology *topology, size_t block, Use *use) {
        _cleanup_stack_ Stack stack = { .topology = topology };

        stack.is_queued = calloc(topology->n_blocks, sizeof(bool));
        stack.queue = calloc(topology->n_blocks, sizeof(size_t));
        if (!stack.is_queued || !stack.queue)
                return -ENOMEM;
        push_block(&stack, block);
        for (size_t i = 0; i < stack.n; i++) {
                const Block *b = &topology->blocks[stack.queue[i]];
                int r;

                r = raise_use(use, b->use.kind, b->use.detail);
                if (r < 0)
                        return r;
                r = push_users(&stack, b, use);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A mount or a swap on a block without a number would not be recognised. */
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
                if (inuse_is_marked(&topology->devices[block->controllers[i]]))
                        return true;
        return false;
}

/* Claiming the disk covers its partitions: bd_may_claim() in the kernel's block/bdev.c. */
static int try_claim(Inuse *inuse, size_t block) {
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

/* Opens only the namespaces that nothing else shows to be in use. */
static int try_claims(Inuse *inuse) {
        for (size_t i = 0; i < inuse->topology->n_blocks; i++) {
                const Block *block = &inuse->topology->blocks[i];
                _cleanup_use_ Use use = {};
                int r;

                if (block->kind != BLOCK_NAMESPACE || !is_worth_a_claim(inuse->topology, block))
                        continue;
                r = find_standing_use(inuse->topology, i, &use);
                if (r < 0)
                        return r;
                if (use.kind != USE_NONE)
                        continue;
                r = try_claim(inuse, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int mark_controllers(Topology *topology, const Block *block, const Use *use) {
        for (size_t i = 0; i < block->n_controllers; i++) {
                const Device *device = &topology->devices[block->controllers[i]];
                int r;

                if (!inuse_is_marked(device))
                        continue;
                r = raise_use(&device->controller->use, use->kind, use->detail);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int spread_uses(Topology *topology) {
        for (size_t i = 0; i < topology->n_blocks; i++) {
                _cleanup_use_ Use use = {};
                int r;

                if (topology->blocks[i].kind != BLOCK_NAMESPACE)
                        continue;
                r = find_standing_use(topology, i, &use);
                if (r < 0)
                        return r;
                r = mark_controllers(topology, &topology->blocks[i], &use);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int spread_doubt(Topology *topology, const char *doubt) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *device = &topology->devices[i];
                int r;

                if (!inuse_is_marked(device))
                        continue;
                r = raise_use(&device->controller->use, USE_UNKNOWN, doubt);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Runs one reader and spreads the uses of blocks that it has found to their controllers. */
static int read_and_spread(int root_fd, Topology *topology, int (*read)(Inuse *inuse)) {
        _cleanup_inuse_ Inuse inuse = { .root_fd = root_fd, .topology = topology };
        int r;

        r = read(&inuse);
        if (r < 0)
                return r;
        r = spread_uses(topology);
        if (r < 0)
                return r;
        return inuse.doubt ? spread_doubt(topology, inuse.doubt) : 0;
}

static int read_kernel(Inuse *inuse) {
        int r = mark_numberless(inuse);

        return r < 0 ? r : inuse_read_tables(inuse);
}

static int read_kernel_and_claims(Inuse *inuse) {
        int r = read_kernel(inuse);

        return r < 0 ? r : try_claims(inuse);
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
