/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See selection.h. */

#include "show/selection.h"

#include "plan/selection.h"

/* Of more a line names the first ones. */
#define NAMES_MAX 8

typedef struct List {
        const char *key;
        char *const *globs;
} List;

static void show_glob(const char *key, const char *glob, const Topology *topology, FILE *stream) {
        size_t n = 0;

        (void) fprintf(stream, "%s=%s matches", key, glob);
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];

                if (!d->controller || !selection_matches(glob, d))
                        continue;
                if (n < NAMES_MAX)
                        (void) fprintf(stream, "%s %s", n > 0 ? "," : "", d->controller->name);
                n++;
        }
        if (n > NAMES_MAX)
                (void) fprintf(stream, " and %zu more", n - NAMES_MAX);
        (void) fprintf(stream, "%s.\n", n == 0 ? " no controller here" : "");
}

void show_selection(const Config *config, const Topology *topology, FILE *stream) {
        const List lists[] = { { config_key_name(CONFIG_INCLUDE), config->include },
                               { config_key_name(CONFIG_EXCLUDE), config->exclude } };

        for (size_t i = 0; topology && i < ARRAY_SIZE(lists); i++)
                for (char *const *glob = lists[i].globs; glob && *glob; glob++)
                        show_glob(lists[i].key, *glob, topology, stream);
        if (config->is_selection_uncertain)
                (void) fprintf(stream,
                               "Include= or Exclude= may stand in a part of the configuration that "
                               "could not be read or understood: nothing is done until that is "
                               "mended. See nvme-async-shutdown.conf(5).\n");
}

static struct json_object *controllers_to_json(const char *glob, const Topology *topology) {
        struct json_object *names = json_object_new_array();

        for (size_t i = 0; names && i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];

                if (d->controller && selection_matches(glob, d))
                        (void) json_object_array_add(names,
                                                     json_object_new_string(d->controller->name));
        }
        return names;
}

struct json_object *selection_to_json(const Config *config, const Topology *topology) {
        const List lists[] = { { config_key_name(CONFIG_INCLUDE), config->include },
                               { config_key_name(CONFIG_EXCLUDE), config->exclude } };
        struct json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < ARRAY_SIZE(lists); i++)
                for (char *const *glob = lists[i].globs; glob && *glob; glob++) {
                        struct json_object *object = json_object_new_object();

                        (void) json_object_object_add(object, "key",
                                                      json_object_new_string(lists[i].key));
                        (void) json_object_object_add(object, "glob",
                                                      json_object_new_string(*glob));
                        (void) json_object_object_add(
                                object, "controllers",
                                topology ? controllers_to_json(*glob, topology) : NULL);
                        (void) json_object_array_add(array, object);
                }
        return array;
}
