/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See zfs_members.h. */

#include "label/zfs_members.h"

#include "base/file.h"
#include "label/content.h"

#define POOL_MAX 256
#define MOUNTINFO_MAX ((size_t) 16 * 1024 * 1024)
/* Partitions, and what stands on them. */
#define DEPTH_MAX 16

int zfs_member_find_pool(int root_fd, const Block *block, char **ret_pool) {
        _cleanup_free_ char *kind = NULL, *label = NULL;
        int r;

        r = content_read(root_fd, block, &kind, &label);
        if (r < 0)
                return r;
        if (!STREQ(kind, "zfs_member"))
                return -ENODATA;
        if (ret_pool)
                *ret_pool = TAKE_PTR(label);
        return 0;
}

/* Takes the pool out of a line of mountinfo: "29 1 0:26 / / rw - zfs rpool/ROOT/debian rw"; changes the
 * line. Returns false if it is not that of a root on ZFS. */
static bool parse_root(char *line, char pool[static POOL_MAX]) {
        const char *source = strstr(line, " - zfs "), *point = NULL;

        if (!source)
                return false;
        for (unsigned i = 0; i < 5; i++)
                point = strsep(&line, " ");
        if (!point || (!STREQ(point, "/") && !STREQ(point, "/usr")))
                return false;
        source += strlen(" - zfs ");
        (void) snprintf(pool, POOL_MAX, "%.*s", (int) strcspn(source, "/ "), source);
        return *pool;
}

/* Returns whether the block, or what stands on it, is a member of the pool. 1, 0 or -ENOMEM. */
static int has_member(int root_fd, const Topology *topology, size_t block, const char *pool,
                      unsigned depth) {
        const Block *b = &topology->blocks[block];
        _cleanup_free_ char *name = NULL;
        int r;

        r = zfs_member_find_pool(root_fd, b, &name);
        if (r == -ENOMEM)
                return r;
        if (r >= 0 && name && STREQ(name, pool))
                return 1;
        r = 0;
        for (size_t i = 0; depth < DEPTH_MAX && i < b->n_users && r == 0; i++)
                r = has_member(root_fd, topology, b->users[i], pool, depth + 1);
        return r;
}

static int mark_block(Topology *topology, const Block *block, const char *pool) {
        for (size_t i = 0; i < block->n_controllers; i++) {
                Controller *c = topology->devices[block->controllers[i]].controller;
                char *detail;

                if (!c)
                        continue;
                if (asprintf(&detail, "/dev/%s is a member of the root's ZFS pool %s", block->name,
                             pool) < 0)
                        return -ENOMEM;
                use_raise(&c->use, USE_ROOT, detail);
        }
        return 0;
}

static int mark_pool(int root_fd, Topology *topology, const char *pool) {
        for (size_t i = 0; i < topology->n_blocks; i++) {
                int r;

                if (topology->blocks[i].kind != BLOCK_NAMESPACE)
                        continue;
                r = has_member(root_fd, topology, i, pool, 0);
                if (r > 0)
                        r = mark_block(topology, &topology->blocks[i], pool);
                if (r < 0)
                        return r;
        }
        return 0;
}

int zfs_members_mark_root(int root_fd, Topology *topology) {
        _cleanup_free_ char *text = NULL;
        char pool[POOL_MAX], *state = NULL;
        int r;

        r = file_read_all(root_fd, "proc/self/mountinfo", MOUNTINFO_MAX, &text);
        /* Then the drives stay claimed, and no exitrd is asked for: ignoring. */
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
                if (!parse_root(line, pool))
                        continue;
                r = mark_pool(root_fd, topology, pool);
                if (r < 0)
                        return r;
        }
        return 0;
}
