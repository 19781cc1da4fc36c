/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsmartcols; see table.h. */

#include "show/table.h"

#include "show/columns.h"
#include "show/selection.h"

enum {
        PLAN_DEVICE,
        PLAN_KIND,
        PLAN_NAME,
        PLAN_MODEL,
        PLAN_SERIAL,
        PLAN_ACTION,
        PLAN_FLUSH,
        PLAN_WAITS,
        PLAN_BEHIND,
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
        [PLAN_WAITS] = { "WAITS FOR", "waits_for", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [PLAN_BEHIND] = { "BEHIND", "behind", 0, SCOLS_JSON_STRING },
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

/* What each line of the plan is made from. */
typedef struct PlanRows {
        const Topology *topology;
        const Plan *plan;
        const size_t *behind; /* whose turn comes right before; TOPOLOGY_NONE: nobody's, or many */
        struct libscols_table *table;
        struct libscols_line **lines;
} PlanRows;

static int set_plan_line(const PlanRows *rows, size_t i) {
        const Device *device = &rows->topology->devices[i];
        const Step *step = &rows->plan->steps[i];
        const Controller *c = device->controller;
        bool json = scols_table_is_json(rows->table);
        char waits[32];
        const char *values[_PLAN_MAX] = {
                [PLAN_DEVICE] = device->address,
                [PLAN_KIND] = device_kind_to_string(device->kind),
                [PLAN_WAITS] = waits,
        };

        /* What stays waits for nobody. */
        (void) snprintf(waits, sizeof(waits), "%zu",
                        step->action == STEP_LEAVE ? 0 : step->n_gates + step->n_turns);
        if (rows->behind[i] != TOPOLOGY_NONE)
                values[PLAN_BEHIND] = rows->topology->devices[rows->behind[i]].address;

        if (c) {
                values[PLAN_NAME] = c->name;
                values[PLAN_MODEL] = c->model;
                values[PLAN_SERIAL] = c->serial;
                values[PLAN_ACTION] = step_action_to_string(step->action);
                values[PLAN_FLUSH] = json ? (step->flush ? "1" : "0") : (step->flush ? "yes" : "");
                values[PLAN_REASON] = step->reason;
        }
        return columns_set_line(rows->lines[i], values, _PLAN_MAX);
}

/* Parents follow their children in no order of ours, so a parent's line is made on demand. */
static struct libscols_line *get_plan_line(const PlanRows *rows, size_t i, size_t depth) {
        const Device *device = &rows->topology->devices[i];
        struct libscols_line *parent = NULL;

        if (rows->lines[i])
                return rows->lines[i];
        if (device->parent != TOPOLOGY_NONE && depth < rows->topology->n_devices) {
                parent = get_plan_line(rows, device->parent, depth + 1);
                if (!parent)
                        return NULL;
        }
        rows->lines[i] = scols_table_new_line(rows->table, parent);
        if (!rows->lines[i] || set_plan_line(rows, i) < 0)
                return NULL;
        return rows->lines[i];
}

/* Whose turn comes right before each step's. Returns whether there are any turns. */
static bool find_turns(const Plan *plan, size_t *behind) {
        bool has_turns = false;

        for (size_t i = 0; i < plan->n_steps; i++)
                behind[i] = TOPOLOGY_NONE;
        for (size_t i = 0; i < plan->n_steps; i++) {
                size_t next = plan->steps[i].next;

                if (next == TOPOLOGY_NONE)
                        continue;
                has_turns = true;
                if (plan->steps[next].n_turns == 1)
                        behind[next] = i;
        }
        return has_turns;
}

static void hide(struct libscols_table *table, size_t column) {
        (void) scols_column_set_flags(scols_table_get_column(table, column), SCOLS_FL_HIDDEN);
}

/* Without turns the tree itself shows who waits for whom, but for virtual functions. */
static void hide_what_the_tree_shows(struct libscols_table *table, const Plan *plan) {
        hide(table, PLAN_BEHIND);
        if (!plan_has_waiting_controllers(plan))
                hide(table, PLAN_WAITS);
}

/* plan: NULL where it does not matter how many controllers are idle. The result is static or in
 * buffer. */
static const char *why_nothing_is_done(const Config *config, const Plan *plan, char *buffer,
                                       size_t size) {
        if (!config->is_enabled)
                return "Enabled=no";
        if (config->is_selection_uncertain)
                return "Include= and Exclude= are not understood";
        if (!plan || plan->n_detach >= config->min_controllers)
                return NULL;
        (void) snprintf(buffer, size, "fewer than MinControllers=%u", config->min_controllers);
        return buffer;
}

static struct json_object *make_members(const Config *config, const Topology *topology,
                                        const Plan *plan) {
        struct json_object *members = json_object_new_object();
        char buffer[48];
        const char *why = why_nothing_is_done(config, plan, buffer, sizeof(buffer));

        (void) json_object_object_add(members, "selection", selection_to_json(config, topology));
        (void) json_object_object_add(members, "stands_down",
                                      why ? json_object_new_string(why) : NULL);
        return members;
}

int show_plan(const Topology *topology, const Plan *plan, const Config *config, bool json,
              FILE *stream) {
        size_t n = topology->n_devices + 1, *behind = calloc(n, sizeof(size_t));
        PlanRows rows = {
                .topology = topology,
                .plan = plan,
                .behind = behind,
                .table = columns_new_table("plan", plan_columns, _PLAN_MAX, json, stream),
                .lines = calloc(n, sizeof(struct libscols_line *)),
        };
        bool is_complete = rows.table && behind && rows.lines;

        if (is_complete && !find_turns(plan, behind) && !json)
                hide_what_the_tree_shows(rows.table, plan);
        for (size_t i = 0; is_complete && i < topology->n_devices; i++)
                is_complete = get_plan_line(&rows, i, 0);
        free(rows.lines);
        free(behind);
        if (!is_complete) {
                scols_unref_table(rows.table);
                return -ENOMEM;
        }
        if (json)
                return columns_print_with_and_free(rows.table, make_members(config, topology, plan),
                                                   stream);
        return columns_print_and_free(rows.table);
}

int show_config(const Config *config, const Topology *topology, bool json, FILE *stream) {
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
        if (json)
                return columns_print_with_and_free(table, make_members(config, topology, NULL),
                                                   stream);
        return columns_print_and_free(table);
}
