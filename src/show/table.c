/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See table.h. */

#include "show/table.h"

#include "show/columns.h"
#include "show/selection.h"

enum {
        PLAN_DEVICE,
        PLAN_KIND,
        PLAN_SLOT,
        PLAN_NAME,
        PLAN_VENDOR,
        PLAN_PRODUCT,
        PLAN_MODEL,
        PLAN_SERIAL,
        PLAN_ACTION,
        PLAN_FLUSH,
        PLAN_WAITS,
        PLAN_BEHIND,
        PLAN_REASON,
        PLAN_CONTENT,
        _PLAN_MAX,
};

static const Column plan_columns[_PLAN_MAX] = {
        [PLAN_DEVICE] = { "DEVICE", "address", SCOLS_FL_TREE, SCOLS_JSON_STRING },
        [PLAN_KIND] = { "KIND", "kind", 0, SCOLS_JSON_STRING },
        [PLAN_SLOT] = { "SLOT", "slot", 0, SCOLS_JSON_STRING },
        [PLAN_NAME] = { "NAME", "name", 0, SCOLS_JSON_STRING },
        [PLAN_VENDOR] = { "VENDOR", "vendor", 0, SCOLS_JSON_STRING },
        [PLAN_PRODUCT] = { "PRODUCT", "product", 0, SCOLS_JSON_STRING },
        [PLAN_MODEL] = { "MODEL", "model", SCOLS_FL_TRUNC, SCOLS_JSON_STRING },
        [PLAN_SERIAL] = { "SERIAL", "serial", 0, SCOLS_JSON_STRING },
        [PLAN_ACTION] = { "ACTION", "action", 0, SCOLS_JSON_STRING },
        [PLAN_FLUSH] = { "FLUSH", "flush", 0, SCOLS_JSON_BOOLEAN },
        [PLAN_WAITS] = { "WAITS FOR", "waits_for", SCOLS_FL_RIGHT, SCOLS_JSON_NUMBER },
        [PLAN_BEHIND] = { "BEHIND", "behind", 0, SCOLS_JSON_STRING },
        [PLAN_REASON] = { "REASON", "reason", 0, SCOLS_JSON_STRING },
        [PLAN_CONTENT] = { "CONTENT", "content", 0, SCOLS_JSON_STRING },
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

/* For the lines of the plan. */
typedef struct PlanRows {
        const Topology *topology;
        const Labels *labels;
        const Plan *plan;
        const size_t *behind; /* the device whose turn comes right before each one's; TOPOLOGY_NONE:
                                 there is none, or there are several */
        struct libscols_table *table;
        struct libscols_line **lines;
} PlanRows;

/* In a table a bridge has what the hardware database calls it as its model, and a drive what it calls
 * itself; the content of a drive explains the claim on it, and no other reason. 0 or -errno. */
static int set_texts_for_people(struct libscols_line *line, const Controller *c,
                                const DeviceLabel *label, const char *reason) {
        int r = 0;

        if (!(c && c->model) && (label->vendor || label->product))
                r = columns_set(line, PLAN_MODEL, "%s%s%s", label->vendor ?: "",
                                label->vendor && label->product ? " " : "", label->product ?: "");
        if (r < 0 || !c || !c->use.detail || !label->content || !reason ||
            !STARTSWITH(reason, c->use.detail))
                return r;
        return columns_set(line, PLAN_REASON, "%s (%s)%s", c->use.detail, label->content,
                           reason + strlen(c->use.detail));
}

static int set_plan_line(const PlanRows *rows, size_t i) {
        static const DeviceLabel no_label;
        const DeviceLabel *label =
                i < rows->labels->n_devices ? &rows->labels->devices[i] : &no_label;
        const Device *device = &rows->topology->devices[i];
        const Step *step = &rows->plan->steps[i];
        const Controller *c = device->controller;
        bool json = scols_table_is_json(rows->table);
        char waits[32];
        const char *values[_PLAN_MAX] = {
                [PLAN_DEVICE] = device->address,
                [PLAN_KIND] = label->port ?: device_kind_to_string(device->kind),
                [PLAN_SLOT] = label->slot,
                [PLAN_VENDOR] = label->vendor,
                [PLAN_PRODUCT] = label->product,
                [PLAN_CONTENT] = label->content,
                [PLAN_WAITS] = waits,
        };
        int r;

        /* A step that stays never starts: its gates mean nothing. */
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
        r = columns_set_line(rows->lines[i], values, _PLAN_MAX);
        if (r < 0 || json)
                return r;
        return set_texts_for_people(rows->lines[i], c, label, values[PLAN_REASON]);
}

/* A parent may come after its children, so its line is made when the first child needs it. Returns
 * NULL for want of memory. */
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

/* Fills behind (see PlanRows). Returns whether the plan has any turns. */
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

static void hide_column(struct libscols_table *table, size_t column) {
        (void) scols_column_set_flags(scols_table_get_column(table, column), SCOLS_FL_HIDDEN);
}

/* Without turns a bridge waits for its children, as the tree shows; only a physical function that
 * waits for its virtual ones makes WAITS FOR worth a column. */
static void hide_what_the_tree_shows(struct libscols_table *table, const Plan *plan) {
        hide_column(table, PLAN_BEHIND);
        if (!plan_has_waiting_controllers(plan))
                hide_column(table, PLAN_WAITS);
}

static bool has_slots(const Labels *labels) {
        for (size_t i = 0; i < labels->n_devices; i++)
                if (labels->devices[i].slot)
                        return true;
        return false;
}

/* The columns that are for JSON, since MODEL and REASON hold the same for people, and SLOT where the
 * machine has none. */
static void hide_labels(struct libscols_table *table, const Labels *labels) {
        hide_column(table, PLAN_VENDOR);
        hide_column(table, PLAN_PRODUCT);
        hide_column(table, PLAN_CONTENT);
        if (!has_slots(labels))
                hide_column(table, PLAN_SLOT);
}

/* Returns why a stage would touch nothing, or NULL; the string is static or in buffer.
 *   plan: NULL if the number of idle controllers does not matter. */
static const char *stand_down_reason(const Config *config, const Plan *plan, char *buffer,
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

/* The members that JSON has besides the table. */
static void write_members(JsonWriter *w, const Config *config, const Topology *topology,
                          const Plan *plan) {
        char buffer[48];

        json_begin_object(w, NULL);
        show_selection_json(config, topology, w);
        json_add_text(w, "stands_down", stand_down_reason(config, plan, buffer, sizeof(buffer)));
        json_end(w);
}

int show_plan(const Topology *topology, const Labels *labels, const Plan *plan,
              const Config *config, bool json, FILE *stream) {
        const size_t n = topology->n_devices + 1;
        _cleanup_table_ struct libscols_table *table = NULL;
        _cleanup_json_writer_ JsonWriter members = JSON_WRITER_INIT;
        _cleanup_free_ size_t *behind = calloc(n, sizeof(size_t));
        _cleanup_free_ struct libscols_line **lines = calloc(n, sizeof(struct libscols_line *));
        PlanRows rows;

        table = columns_new_table("plan", plan_columns, _PLAN_MAX, json, stream);
        if (!table || !behind || !lines)
                return -ENOMEM;
        rows = (PlanRows){ topology, labels, plan, behind, table, lines };
        if (!find_turns(plan, behind) && !json)
                hide_what_the_tree_shows(table, plan);
        if (!json)
                hide_labels(table, labels);
        for (size_t i = 0; i < topology->n_devices; i++)
                if (!get_plan_line(&rows, i, 0))
                        return -ENOMEM;
        if (!json)
                return scols_print_table(table);
        write_members(&members, config, topology, plan);
        return columns_print_with(table, &members, stream);
}

static int add_setting(struct libscols_table *table, const Config *config, ConfigKey key) {
        const char *origin = config->origin[key] ? config->origin[key] : "built-in default";
        _cleanup_free_ char *value = NULL;
        int r;

        r = config_key_format(config, key, &value);
        if (r < 0)
                return r;
        return columns_add_line(table,
                                (const char *[_CONFIG_COLUMN_MAX]){
                                        [CONFIG_COLUMN_KEY] = config_key_name(key),
                                        [CONFIG_COLUMN_VALUE] = value,
                                        [CONFIG_COLUMN_ORIGIN] = origin,
                                },
                                _CONFIG_COLUMN_MAX);
}

int show_config(const Config *config, const Topology *topology, bool json, FILE *stream) {
        _cleanup_json_writer_ JsonWriter members = JSON_WRITER_INIT;
        _cleanup_table_ struct libscols_table *table = NULL;

        table = columns_new_table("config", config_columns, _CONFIG_COLUMN_MAX, json, stream);
        if (!table)
                return -ENOMEM;
        for (ConfigKey key = 0; key < _CONFIG_KEY_MAX; key++) {
                int r = add_setting(table, config, key);

                if (r < 0)
                        return r;
        }
        if (!json)
                return scols_print_table(table);
        write_members(&members, config, topology, NULL);
        return columns_print_with(table, &members, stream);
}
