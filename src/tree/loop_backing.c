/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See loop_backing.h. */

#include "tree/loop_backing.h"

#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/recorded.h"
#include "base/timed_call.h"
#include "tree/block_node.h"

#define ASK_USEC USEC_PER_SEC

typedef struct Questions {
        int root_fd;
        size_t n_loops;
        LoopBacking loops[];
} Questions;

/* huge_encode_dev() in include/linux/kdev_t.h */
static dev_t decode_devnum(uint64_t number) {
        return makedev((unsigned) (number >> 8 & 0xfff),
                       (unsigned) ((number & 0xff) | (number >> 12 & 0xfff00)));
}

static int read_recorded(int root_fd, const char *path, dev_t *ret_backing) {
        _cleanup_free_ char *answer = NULL;
        int r = recorded_answer(root_fd, path, "backing", &answer);

        return r < 0 ? r : parse_devnum(answer, ret_backing);
}

static int ask_one(int root_fd, LoopBacking *loop) {
        _cleanup_close_ int fd = -1;
        struct loop_info64 info = {};

        fd = block_node_open(root_fd, loop->name, loop->devnum, false);
        if (fd < 0)
                return fd;
        if (recorded_is_root()) {
                char path[64];

                (void) snprintf(path, sizeof(path), "dev/%s", loop->name);
                return read_recorded(root_fd, path, &loop->backing);
        }
        if (ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
                return -errno;
        loop->backing = decode_devnum(info.lo_rdevice);
        return 0;
}

static void ask_all(void *shared) {
        Questions *questions = shared;

        for (size_t i = 0; i < questions->n_loops; i++)
                questions->loops[i].error = ask_one(questions->root_fd, &questions->loops[i]);
}

void loop_backing_ask(int root_fd, LoopBacking *loops, size_t n_loops) {
        size_t size = sizeof(Questions) + n_loops * sizeof(LoopBacking);
        Questions *questions;
        int r;

        if (n_loops == 0)
                return;
        /* The child overwrites this with each answer. */
        for (size_t i = 0; i < n_loops; i++)
                loops[i].error = -ETIMEDOUT;
        questions = timed_call_allocate(size);
        if (!questions) {
                for (size_t i = 0; i < n_loops; i++)
                        loops[i].error = -ENOMEM;
                return;
        }
        questions->root_fd = root_fd;
        questions->n_loops = n_loops;
        memcpy(questions->loops, loops, n_loops * sizeof(LoopBacking));
        r = timed_call(ask_all, questions, ASK_USEC);
        memcpy(loops, questions->loops, n_loops * sizeof(LoopBacking));
        for (size_t i = 0; i < n_loops && r < 0 && r != -ETIMEDOUT; i++)
                if (loops[i].error == -ETIMEDOUT)
                        loops[i].error = r;
        timed_call_free(questions, size);
}
