/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares globs with names; see selection.h. */

#include "plan/selection.h"

#include <fnmatch.h>

bool selection_matches(const char *glob, const Device *device) {
        const Controller *c = device->controller;
        const char *names[] = { device->address, c->name, c->model, c->serial, c->nqn };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (names[i] && fnmatch(glob, names[i], FNM_CASEFOLD) == 0)
                        return true;
        return false;
}

const char *selection_find(char *const *globs, const Device *device) {
        for (; globs && *globs; globs++)
                if (selection_matches(*globs, device))
                        return *globs;
        return NULL;
}
