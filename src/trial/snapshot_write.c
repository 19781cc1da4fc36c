/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A snapshot's memory and its JSON; see snapshot.h. */

#include <json-c/json.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "trial/snapshot.h"
#include "version.h"

void snapshot_done(Snapshot *snapshot) {
        config_done(&snapshot->config);
        topology_done(&snapshot->topology);
        free(snapshot->kernel);
        lines_done(&snapshot->unknown);
        *snapshot = SNAPSHOT_INIT;
}

/* json-c aborts nowhere, but gives NULL for want of memory: is_short remembers that until the end.
 */
typedef struct Writer {
        bool is_short;
} Writer;

static void set(Writer *w, json_object *object, const char *key, json_object *value) {
        if (!value || json_object_object_add(object, key, value) < 0) {
                (void) json_object_put(value);
                w->is_short = true;
        }
}

static void append(Writer *w, json_object *array, json_object *value) {
        if (!value || json_object_array_add(array, value) < 0) {
                (void) json_object_put(value);
                w->is_short = true;
        }
}

static json_object *new_string(const char *text) {
        _cleanup_free_ char *copy = strdup(text);

        if (!copy)
                return NULL;
        text_make_printable(copy);
        return json_object_new_string(copy);
}

/* Nothing where the text is NULL. */
static void set_string(Writer *w, json_object *object, const char *key, const char *text) {
        if (text)
                set(w, object, key, new_string(text));
}

static void set_usec(Writer *w, json_object *object, const char *key, usec_t usec) {
        if (usec > 0)
                set(w, object, key, json_object_new_int64((int64_t) usec));
}

static void set_use(Writer *w, json_object *object, const Use *use) {
        json_object *member;

        if (use->kind == USE_NONE)
                return;
        member = json_object_new_object();
        set_string(w, member, "kind", use_kind_to_string(use->kind));
        set_string(w, member, "detail", use->detail);
        set(w, object, "use", member);
}

static json_object *new_controller(Writer *w, const Controller *c) {
        json_object *object = json_object_new_object();

        set_string(w, object, "name", c->name);
        set_string(w, object, "model", c->model);
        set_string(w, object, "serial", c->serial);
        set_string(w, object, "nqn", c->nqn);
        set_string(w, object, "transport", c->transport);
        set_string(w, object, "state", c->state);
        set_string(w, object, "driver", c->driver);
        set_usec(w, object, "rtd3e_usec", c->rtd3e_usec);
        set_usec(w, object, "measured_usec", c->measured_usec);
        set_use(w, object, &c->use);
        return object;
}

static json_object *new_devices(Writer *w, const Topology *topology) {
        json_object *array = json_object_new_array();

        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];
                json_object *object = json_object_new_object();

                set_string(w, object, "address", d->address);
                set_string(w, object, "kind", device_kind_to_string(d->kind));
                if (d->parent != TOPOLOGY_NONE)
                        set_string(w, object, "parent", topology->devices[d->parent].address);
                if (d->physfn != TOPOLOGY_NONE)
                        set_string(w, object, "physfn", topology->devices[d->physfn].address);
                if (d->controller)
                        set(w, object, "controller", new_controller(w, d->controller));
                append(w, array, object);
        }
        return array;
}

static json_object *new_blocks(Writer *w, const Topology *topology) {
        json_object *array = json_object_new_array();

        for (size_t i = 0; i < topology->n_blocks; i++) {
                const Block *b = &topology->blocks[i];
                json_object *object = json_object_new_object(), *users = json_object_new_array();
                json_object *controllers = json_object_new_array();
                char devnum[32];

                (void) snprintf(devnum, sizeof(devnum), "%u:%u", major(b->devnum),
                                minor(b->devnum));
                for (size_t k = 0; k < b->n_users; k++)
                        append(w, users, new_string(topology->blocks[b->users[k]].name));
                for (size_t k = 0; k < b->n_controllers; k++)
                        append(w, controllers,
                               new_string(topology->devices[b->controllers[k]].address));
                set_string(w, object, "name", b->name);
                set_string(w, object, "kind", block_kind_to_string(b->kind));
                set_string(w, object, "devnum", b->devnum ? devnum : NULL);
                set(w, object, "users", users);
                set(w, object, "controllers", controllers);
                set_use(w, object, &b->use);
                append(w, array, object);
        }
        return array;
}

static json_object *new_config(Writer *w, const Config *config) {
        json_object *object = json_object_new_object();

        for (ConfigKey key = 0; key < _CONFIG_KEY_MAX; key++) {
                _cleanup_free_ char *value = NULL;

                if (config_key_format(config, key, &value) < 0)
                        w->is_short = true;
                else
                        set_string(w, object, config_key_name(key), value);
        }
        return object;
}

static json_object *new_unknown(Writer *w, const Snapshot *snapshot) {
        json_object *array = json_object_new_array();

        for (size_t i = 0; i < snapshot->unknown.n; i++)
                append(w, array, new_string(snapshot->unknown.items[i]));
        return array;
}

int snapshot_write(const Snapshot *snapshot, FILE *stream) {
        json_object *root = json_object_new_object();
        Writer w = {};
        const char *text;
        int r = 0;

        set_string(&w, root, "schema", SNAPSHOT_SCHEMA);
        set(&w, root, "schema_version", json_object_new_int(SNAPSHOT_SCHEMA_VERSION));
        set_string(&w, root, "program_version", PROJECT_VERSION);
        set_string(&w, root, "kernel", snapshot->kernel);
        set(&w, root, "unknown", new_unknown(&w, snapshot));
        set(&w, root, "config", new_config(&w, &snapshot->config));
        if (snapshot->config.is_selection_uncertain)
                set(&w, root, "selection_uncertain", json_object_new_boolean(true));
        set(&w, root, "devices", new_devices(&w, &snapshot->topology));
        set(&w, root, "blocks", new_blocks(&w, &snapshot->topology));
        text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
                                                            JSON_C_TO_STRING_SPACED |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE);
        if (w.is_short || !text)
                r = -ENOMEM;
        else if (fprintf(stream, "%s\n", text) < 0 || fflush(stream) != 0)
                r = -errno;
        (void) json_object_put(root);
        return r;
}
