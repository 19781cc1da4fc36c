/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See zfs_members.h. */

#include "trial/zfs_members.h"

#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/text.h"

#define DATABASE_ENTRY_MAX ((size_t) 64 * 1024)
#define MOUNTINFO_MAX ((size_t) 16 * 1024 * 1024)
/* Partitions, and what stands on them. */
#define DEPTH_MAX 16

bool zfs_member_find_pool(int root_fd, const Block *block, char pool[static ZFS_POOL_MAX]) {
        _cleanup_free_ char *text = NULL;
        char path[64], *state = NULL;
        bool is_member = false;

        *pool = '\0';
        (void) snprintf(path, sizeof(path), "run/udev/data/b%u:%u", major(block->devnum),
                        minor(block->devnum));
        if (file_read_all(root_fd, path, DATABASE_ENTRY_MAX, &text) < 0)
                return false;
        for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
                is_member = is_member || STREQ(line, "E:ID_FS_TYPE=zfs_member");
                if (STARTSWITH(line, "E:ID_FS_LABEL="))
                        (void) snprintf(pool, ZFS_POOL_MAX, "%s", line + strlen("E:ID_FS_LABEL="));
        }
        text_make_printable(pool);
        return is_member;
}

/* Takes the pool out of a line of mountinfo: "29 1 0:26 / / rw - zfs rpool/ROOT/debian rw". Returns
 * false if it is not that of a root on ZFS. */
static bool parse_root(char *line, char pool[static ZFS_POOL_MAX]) {
        char point[8] = "", *source = strstr(line, " - zfs ");

        if (!source || sscanf(line, "%*s %*s %*s %*s %7s", point) != 1 ||
            (!STREQ(point, "/") && !STREQ(point, "/usr")))
                return false;
        source += strlen(" - zfs ");
        (void) snprintf(pool, ZFS_POOL_MAX, "%.*s", (int) strcspn(source, "/ "), source);
        return *pool;
}

static bool has_member(int root_fd, const Topology *topology, size_t block, const char *pool,
                       unsigned depth) {
        const Block *b = &topology->blocks[block];
        char name[ZFS_POOL_MAX];

        if (zfs_member_find_pool(root_fd, b, name) && STREQ(name, pool))
                return true;
        for (size_t i = 0; depth < DEPTH_MAX && i < b->n_users; i++)
                if (has_member(root_fd, topology, b->users[i], pool, depth + 1))
                        return true;
        return false;
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

                if (topology->blocks[i].kind != BLOCK_NAMESPACE ||
                    !has_member(root_fd, topology, i, pool, 0))
                        continue;
                r = mark_block(topology, &topology->blocks[i], pool);
                if (r < 0)
                        return r;
        }
        return 0;
}

int zfs_members_mark_root(int root_fd, Topology *topology) {
        _cleanup_free_ char *text = NULL;
        char pool[ZFS_POOL_MAX], *state = NULL;
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
