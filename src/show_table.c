/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsmartcols; see show_table.h. */

#include "show_table.h"

#include "show_columns.h"

enum {
        PLAN_DEVICE,
        PLAN_KIND,
        PLAN_NAME,
        PLAN_MODEL,
        PLAN_SERIAL,
        PLAN_ACTION,
        PLAN_FLUSH,
        PLAN_REASON,
        _PLAN_MAX,
};

static const Column plan_columns[_PLAN_MAX] = {
        [PLAN_DEVICE] = { "DEVICE", "address", SCOLS_FL_TREE, SCOLS_JSON_STRING },
        [PLAN_KIND] = { "KIND", "kind", 0, SCOLS_JSON_STRING },
        [PLAN_NAME] = { "NAME", "name", 0, SCOLS_JSON_STRING },
        [PLAN_MODEL] = { "MODEL", "model", 0, SCOLS_JSON_STRING },
        [PLAN_SERIAL] = { "SERIAL", "serial", 0, SCOLS_JSON_STRING },
        [PLAN_ACTION] = { "ACTION", "action", 0, SCOLS_JSON_STRING },
        [PLAN_FLUSH] = { "FLUSH", "flush", 0, SCOLS_JSON_BOOLEAN },
        [PLAN_REASON] = { "REASON", "reason", 0, SCOLS_JSON_STRING },
};

enum {
        CONFIG_COLUMN_KEY,
        CONFIG_COLUMN_VALUE,
        CONFIG_COLUMN_ORIGIN,
        _CONFIG_COLUMN_MAX,
};

static const Column config_columns[_CONFIG_COLUMN_MAX] = {
        [CONFIG_COLUMN_KEY] = { "KEY", "key", 0, SCOLS_JSON_STRING },
        [CONFIG_COLUMN_VALUE] = { "VALUE", "value", 0, SCOLS_JSON_STRING },
        [CONFIG_COLUMN_ORIGIN] = { "FROM", "from", 0, SCOLS_JSON_STRING },
};

static int set_plan_line(struct libscols_line *line, const Device *device, const Step *step,
                         bool json) {
        const Controller *c = device->controller;
        const char *values[_PLAN_MAX] = {
                [PLAN_DEVICE] = device->address,
                [PLAN_KIND] = device_kind_to_string(device->kind),
        };

        if (c) {
                values[PLAN_NAME] = c->name;
                values[PLAN_MODEL] = c->model;
                values[PLAN_SERIAL] = c->serial;
                values[PLAN_ACTION] = step_action_to_string(step->action);
                values[PLAN_FLUSH] = json ? (step->flush ? "1" : "0") : (step->flush ? "yes" : "");
                values[PLAN_REASON] = step->reason;
        }
        return columns_set_line(line, values, _PLAN_MAX);
}

/* Parents follow their children in no order of ours, so a parent's line is made on demand. */
static struct libscols_line *get_plan_line(struct libscols_table *table, const Topology *topology,
                                           const Plan *plan, struct libscols_line **lines, size_t i,
                                           size_t depth) {
        const Device *device = &topology->devices[i];
        struct libscols_line *parent = NULL;

        if (lines[i])
                return lines[i];
        if (device->parent != TOPOLOGY_NONE && depth < topology->n_devices) {
                parent = get_plan_line(table, topology, plan, lines, device->parent, depth + 1);
                if (!parent)
                        return NULL;
        }
        lines[i] = scols_table_new_line(table, parent);
        if (!lines[i] ||
            set_plan_line(lines[i], device, &plan->steps[i], scols_table_is_json(table)) < 0)
                return NULL;
        return lines[i];
}

int show_plan(const Topology *topology, const Plan *plan, bool json, FILE *stream) {
        struct libscols_table *table;
        struct libscols_line **lines;
        bool is_complete = true;

        table = columns_new_table("plan", plan_columns, _PLAN_MAX, json, stream);
        lines = calloc(topology->n_devices + 1, sizeof(*lines));
        for (size_t i = 0; table && lines && i < topology->n_devices; i++)
                if (!get_plan_line(table, topology, plan, lines, i, 0))
                        is_complete = false;
        free(lines);
        if (!table || !lines || !is_complete) {
                scols_unref_table(table);
                return -ENOMEM;
        }
        return columns_print_and_free(table);
}

int show_config(const Config *config, bool json, FILE *stream) {
        struct libscols_table *table;

        table = columns_new_table("config", config_columns, _CONFIG_COLUMN_MAX, json, stream);
        if (!table)
                return -ENOMEM;
        for (ConfigKey key = 0; key < _CONFIG_KEY_MAX; key++) {
                struct libscols_line *line = scols_table_new_line(table, NULL);
                _cleanup_free_ char *value = NULL;
                const char *origin = config->origin[key] ? config->origin[key] : "built-in default";

                if (!line || config_key_format(config, key, &value) < 0 ||
                    scols_line_set_data(line, CONFIG_COLUMN_KEY, config_key_name(key)) < 0 ||
                    scols_line_set_data(line, CONFIG_COLUMN_VALUE, value) < 0 ||
                    scols_line_set_data(line, CONFIG_COLUMN_ORIGIN, origin) < 0) {
                        scols_unref_table(table);
                        return -ENOMEM;
                }
        }
        return columns_print_and_free(table);
}
