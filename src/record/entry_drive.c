/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See entry_drive.h. */

#include "record/entry_drive.h"

static void copy_text(char *target, size_t size, const char *text) {
        (void) snprintf(target, size, "%s", text ? text : "");
}

/* From the device upwards, so that what does not fit is missing at its front. */
static void copy_path(char *target, size_t size, const Topology *topology, size_t device) {
        size_t used = 0;

        *target = '\0';
        for (size_t n = 0; device != TOPOLOGY_NONE && n < topology->n_devices; n++) {
                const char *address = topology->devices[device].address;
                size_t length = strlen(address), slash = used > 0;

                if (used + length + slash + 1 > size)
                        return;
                memmove(target + length + slash, target, used + 1);
                memcpy(target, address, length);
                if (slash)
                        target[length] = '/';
                used += length + slash;
                device = topology->devices[device].parent;
        }
}

void entry_set_drive(Entry *entry, const Topology *topology, size_t device) {
        const Device *d = &topology->devices[device];
        const Controller *c = d->controller;

        copy_text(entry->address, sizeof(entry->address), d->address);
        copy_path(entry->path, sizeof(entry->path), topology, d->parent);
        copy_text(entry->name, sizeof(entry->name), c->name);
        copy_text(entry->model, sizeof(entry->model), c->model);
        copy_text(entry->serial, sizeof(entry->serial), c->serial);
}

void entry_find_drive(Entry *entry, const Topology *topology) {
        for (size_t i = 0; *entry->serial && i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                const Controller *c = d->controller;

                if (!c || !c->serial || !STREQ(c->serial, entry->serial))
                        continue;
                if (!*entry->model)
                        copy_text(entry->model, sizeof(entry->model), c->model);
                if (!*entry->path && STREQ(d->address, entry->address))
                        copy_path(entry->path, sizeof(entry->path), topology, d->parent);
        }
}
