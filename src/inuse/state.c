/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Collecting uses and doubts; see state.h. */

#include "inuse/state.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/sysmacros.h>

#include "base/file.h"

void inuse_done(Inuse *inuse) {
        free(inuse->doubt);
        inuse->doubt = NULL;
}

bool inuse_is_marked(const Device *device) {
        const Controller *c = device->controller;

        return device->kind == DEVICE_CONTROLLER && c->transport && STREQ(c->transport, "pcie");
}

int inuse_raise(Inuse *inuse, size_t block, UseKind kind, const char *format, ...) {
        Use *use = &inuse->topology->blocks[block].use;
        char *detail;
        va_list args;
        int r;

        if (kind <= use->kind)
                return 0;
        va_start(args, format);
        r = vasprintf(&detail, format, args);
        va_end(args);
        if (r < 0)
                return -ENOMEM;
        use_raise(use, kind, detail);
        return 0;
}

int inuse_doubt(Inuse *inuse, const char *format, ...) {
        va_list args;
        int r;

        if (inuse->doubt)
                return 0;
        va_start(args, format);
        r = vasprintf(&inuse->doubt, format, args);
        va_end(args);
        if (r < 0) {
                inuse->doubt = NULL;
                return -ENOMEM;
        }
        return 0;
}

int inuse_find_node(const Inuse *inuse, const char *path, size_t *ret_index) {
        mode_t type;
        dev_t devnum;
        size_t block;
        int r;

        if (!STARTSWITH(path, "/dev/"))
                return INUSE_NODE_OTHER;
        r = file_stat_node(inuse->root_fd, path + 1, 0, &type, &devnum);
        if (r >= 0)
                block = S_ISBLK(type) ? topology_find_devnum(inuse->topology, devnum)
                                      : TOPOLOGY_NONE;
        else
                block = topology_find_block(inuse->topology, strrchr(path, '/') + 1);
        if (block == TOPOLOGY_NONE)
                return r < 0 ? r : INUSE_NODE_OTHER;
        *ret_index = block;
        return INUSE_NODE_BLOCK;
}

bool inuse_find_char(const Inuse *inuse, dev_t devnum, InuseChar *ret) {
        char path[64], target[PATH_MAX], *name, *above;
        ssize_t n;

        (void) snprintf(path, sizeof(path), "sys/dev/char/%u:%u", major(devnum), minor(devnum));
        n = readlinkat(inuse->root_fd, path, target, sizeof(target) - 1);
        if (n < 0)
                return false;
        target[n] = '\0';
        name = strrchr(target, '/');
        if (!name || (!STARTSWITH(name, "/nvme") && !STARTSWITH(name, "/ng")))
                return false;
        *name++ = '\0';
        above = strrchr(target, '/');
        above = above ? above + 1 : target;
        if (strlen(name) >= sizeof(ret->name) || strlen(above) >= sizeof(ret->above))
                return false;
        memcpy(ret->name, name, strlen(name) + 1);
        memcpy(ret->above, above, strlen(above) + 1);
        return true;
}

/* A node leads to the controller if it is one of:
 *   "nvme0", the controller itself;
 *   "nvme/nvme0/ng0n1";
 *   "nvme-subsystem/nvme-subsys0/ng0n1", where the subsystem has a link to the controller. */
static bool leads_to(const Inuse *inuse, const InuseChar *node, const char *controller) {
        char path[PATH_MAX];

        if (STREQ(node->name, controller))
                return true;
        if (!STARTSWITH(node->name, "ng"))
                return false;
        if (STREQ(node->above, controller))
                return true;
        return STARTSWITH(node->above, "nvme-subsys") &&
               (size_t) snprintf(path, sizeof(path), "sys/class/nvme-subsystem/%s/%s", node->above,
                                 controller) < sizeof(path) &&
               faccessat(inuse->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0;
}

int inuse_raise_char(Inuse *inuse, const InuseChar *node, UseKind kind, const char *who) {
        for (size_t i = 0; i < inuse->topology->n_devices; i++) {
                const Device *device = &inuse->topology->devices[i];
                char *detail;

                if (!inuse_is_marked(device) || !leads_to(inuse, node, device->controller->name))
                        continue;
                if (asprintf(&detail, "/dev/%s is open in %s", node->name, who) < 0)
                        return -ENOMEM;
                use_raise(&device->controller->use, kind, detail);
        }
        return 0;
}
