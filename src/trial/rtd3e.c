/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See rtd3e.h. */

#include "trial/rtd3e.h"

#include <fcntl.h>

#include "base/recorded.h"
#include "base/text.h"
#include "base/timed_call.h"
#include "waves/nvme_ctrl.h"

typedef struct Answer {
        bool is_known;
        usec_t rtd3e_usec;
} Answer;

typedef struct Questions {
        int root_fd;
        const Topology *topology;
        size_t *devices; /* those that can be asked */
        size_t n_devices;
        Answer *answers; /* shared with the children */
} Questions;

static void read_recorded(int root_fd, const char *path, Answer *answer) {
        _cleanup_free_ char *text = NULL;

        if (recorded_answer(root_fd, path, "rtd3e", &text) < 0)
                return;
        answer->rtd3e_usec = strtoul(text, NULL, 10) & UINT32_MAX;
        answer->is_known = true;
}

static void ask(void *userdata, size_t i) {
        const Questions *questions = userdata;
        const Controller *c = questions->topology->devices[questions->devices[i]].controller;
        Answer *answer = &questions->answers[i];
        NvmeIdentity identity;
        char path[64];
        int fd;

        (void) snprintf(path, sizeof(path), "dev/%.40s", c->name);
        if (recorded_is_root()) {
                read_recorded(questions->root_fd, path, answer);
                return;
        }
        fd = openat(questions->root_fd, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || controller_identify(fd, &identity) < 0)
                return;
        text_clean_attribute(identity.serial);
        if (c->serial && !STREQ(identity.serial, c->serial))
                return;
        answer->rtd3e_usec = identity.rtd3e_usec;
        answer->is_known = true;
}

static bool can_be_asked(const Device *device) {
        const Controller *c = device->controller;

        return device->kind == DEVICE_CONTROLLER && c->state && STREQ(c->state, "live");
}

/* Returns how many did not answer, or -errno. */
static int ask_all(Questions *questions, usec_t timeout_usec, Topology *topology) {
        size_t size = questions->n_devices * sizeof(Answer);
        int n_unknown = 0;

        questions->answers = timed_call_allocate(size);
        if (!questions->answers)
                return -ENOMEM;
        (void) timed_call_each(ask, questions, questions->n_devices, timeout_usec);
        for (size_t i = 0; i < questions->n_devices; i++) {
                const Answer *answer = &questions->answers[i];

                topology->devices[questions->devices[i]].controller->rtd3e_usec =
                        answer->rtd3e_usec;
                n_unknown += !answer->is_known;
        }
        timed_call_free(questions->answers, size);
        return n_unknown;
}

int rtd3e_read(int root_fd, usec_t timeout_usec, Topology *topology) {
        Questions questions = { .root_fd = root_fd, .topology = topology };
        int n_unknown = 0, r;

        questions.devices = calloc(topology->n_devices + 1, sizeof(size_t));
        if (!questions.devices)
                return -ENOMEM;
        for (size_t i = 0; i < topology->n_devices; i++)
                if (can_be_asked(&topology->devices[i]))
                        questions.devices[questions.n_devices++] = i;
                else
                        n_unknown += topology->devices[i].controller != NULL;
        r = ask_all(&questions, timeout_usec, topology);
        free(questions.devices);
        return r < 0 ? r : n_unknown + r;
}
