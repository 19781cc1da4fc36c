/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See selection.h. */

#include "show/selection.h"

#include "plan/selection.h"

/* A line names this many controllers and counts the others. */
#define NAMES_MAX 8

static const ConfigKey keys[] = { CONFIG_INCLUDE, CONFIG_EXCLUDE };

/* Returns a NULL-terminated list, or NULL. */
static char *const *get_globs(const Config *config, ConfigKey key) {
        return key == CONFIG_INCLUDE ? config->include : config->exclude;
}

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
        for (size_t i = 0; topology && i < ARRAY_SIZE(keys); i++)
                for (char *const *glob = get_globs(config, keys[i]); glob && *glob; glob++)
                        show_glob(config_key_name(keys[i]), *glob, topology, stream);
        if (config->is_selection_uncertain)
                (void) fprintf(stream,
                               "A part of the configuration that could not be read or understood "
                               "may contain Include= or Exclude=: nothing is done until that is "
                               "mended. See nvme-async-shutdown.conf(5).\n");
}

static void write_matches(JsonWriter *w, const char *glob, const Topology *topology) {
        json_begin_array(w, "controllers");
        for (size_t i = 0; i < topology->n_devices; i++) {
                const Device *d = &topology->devices[i];

                if (d->controller && selection_matches(glob, d))
                        json_add_string(w, NULL, d->controller->name);
        }
        json_end(w);
}

static void write_glob(JsonWriter *w, const char *key, const char *glob, const Topology *topology) {
        json_begin_object(w, NULL);
        json_add_string(w, "key", key);
        json_add_string(w, "glob", glob);
        if (topology)
                write_matches(w, glob, topology);
        else
                json_add_null(w, "controllers");
        json_end(w);
}

void show_selection_json(const Config *config, const Topology *topology, JsonWriter *w) {
        json_begin_array(w, "selection");
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                for (char *const *glob = get_globs(config, keys[i]); glob && *glob; glob++)
                        write_glob(w, config_key_name(keys[i]), *glob, topology);
        json_end(w);
}
