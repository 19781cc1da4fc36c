/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON from anybody made into a snapshot; see snapshot.h. */

#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/text.h"
#include "config/config_keys.h"
#include "report/json.h"
#include "trial/snapshot.h"

#define FILE_MAX ((size_t) 256 << 20)
#define DEVICES_MAX 1000000
#define LINKS_MAX 4096 /* of one block */
#define UNKNOWN_MAX 1000
/* 256 buses to a domain, one domain in another (VMD), and room: nothing real is deeper, and who
 * draws or walks a tree may use the stack. */
#define DEPTH_MAX 600

/* Printable ASCII, for it is going to reach a terminal; NULL where it is missing or blank. */
static int read_text(JsonSource *source, json_object *object, const char *key, bool is_required,
                     char **ret) {
        _cleanup_free_ char *copy = NULL;
        const char *text;
        int r = json_get_string(source, object, key, is_required, &text);

        if (r < 0 || !text)
                return r;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        text_clean_attribute(copy);
        if (!*copy)
                return is_required ? json_refuse(source, "\"%s\" is blank", key) : 0;
        *ret = TAKE_PTR(copy);
        return 0;
}

static int read_kind(JsonSource *source, json_object *object, const char *(*to_string)(int), int n,
                     int *ret) {
        const char *text;
        int r = json_get_string(source, object, "kind", true, &text);

        for (int kind = 0; r >= 0 && kind < n; kind++)
                if (STREQ(to_string(kind), text)) {
                        *ret = kind;
                        return 0;
                }
        return r < 0 ? r : json_refuse(source, "unknown kind \"%.40s\"", text);
}

static const char *device_kind(int kind) {
        return device_kind_to_string((DeviceKind) kind);
}

static const char *block_kind(int kind) {
        return block_kind_to_string((BlockKind) kind);
}

static const char *use_kind(int kind) {
        return use_kind_to_string((UseKind) kind);
}

static int read_use(JsonSource *source, json_object *object, Use *use) {
        _cleanup_free_ char *detail = NULL;
        json_object *member;
        int kind = -EINVAL, r;

        r = json_get_object(source, object, "use", &member);
        if (r < 0 || !member)
                return r;
        r = read_kind(source, member, use_kind, _USE_KIND_MAX, &kind);
        if (r >= 0)
                r = read_text(source, member, "detail", false, &detail);
        if (r >= 0)
                use_raise(use, (UseKind) kind, TAKE_PTR(detail));
        return r;
}

static int read_controller(JsonSource *source, json_object *object, Controller *c) {
        int r;

        r = read_text(source, object, "name", true, &c->name);
        if (r >= 0)
                r = read_text(source, object, "model", false, &c->model);
        if (r >= 0)
                r = read_text(source, object, "serial", false, &c->serial);
        if (r >= 0)
                r = read_text(source, object, "nqn", false, &c->nqn);
        if (r >= 0)
                r = read_text(source, object, "transport", false, &c->transport);
        if (r >= 0)
                r = read_text(source, object, "state", false, &c->state);
        if (r >= 0)
                r = read_text(source, object, "driver", false, &c->driver);
        if (r >= 0)
                r = json_get_usec(source, object, "rtd3e_usec", &c->rtd3e_usec);
        if (r >= 0)
                r = json_get_usec(source, object, "measured_usec", &c->measured_usec);
        return r < 0 ? r : read_use(source, object, &c->use);
}

static int read_device(JsonSource *source, json_object *object, Topology *topology) {
        json_object *controller;
        const char *address;
        int kind = -EINVAL, r;
        ssize_t i;

        r = json_get_name(source, object, "address", &address);
        if (r >= 0)
                r = read_kind(source, object, device_kind, _DEVICE_KIND_MAX, &kind);
        if (r >= 0)
                r = json_get_object(source, object, "controller", &controller);
        if (r < 0)
                return r;
        if (topology_find_device(topology, address) != TOPOLOGY_NONE)
                return json_refuse(source, "there is another device %.64s", address);
        i = topology_add_device(topology, (DeviceKind) kind, address);
        if (i < 0)
                return (int) i;
        if (!topology->devices[i].controller != !controller)
                return json_refuse(source, "a %s %s \"controller\"", device_kind(kind),
                                   controller ? "has no" : "needs a");
        return controller ? read_controller(source, controller, topology->devices[i].controller)
                          : 0;
}

static int read_reference(JsonSource *source, json_object *object, const char *key,
                          const Topology *topology, size_t *ret) {
        const char *address;
        int r = json_get_string(source, object, key, false, &address);

        if (r < 0 || !address)
                return r;
        *ret = topology_find_device(topology, address);
        if (*ret == TOPOLOGY_NONE)
                return json_refuse(source, "\"%s\": there is no device %.64s", key, address);
        return 0;
}

static int link_device(JsonSource *source, json_object *object, Topology *topology, size_t i) {
        Device *d = &topology->devices[i];
        int r;

        r = read_reference(source, object, "parent", topology, &d->parent);
        if (r >= 0)
                r = read_reference(source, object, "physfn", topology, &d->physfn);
        if (r >= 0 && d->physfn == i)
                return json_refuse(source, "is its own physical function");
        return r;
}

/* Each device is walked over once or twice. depths: zeroed, 0: not known yet. */
static int walk_depths(JsonSource *source, const Topology *topology, uint16_t *depths) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                size_t at = i, n = 0, known;

                for (; at != TOPOLOGY_NONE && depths[at] == 0; at = topology->devices[at].parent)
                        if (++n > DEPTH_MAX) {
                                json_set_place(source, "devices");
                                return json_refuse(source,
                                                   "%.64s is below itself, or deeper than %d",
                                                   topology->devices[i].address, DEPTH_MAX);
                        }
                known = at == TOPOLOGY_NONE ? 0 : depths[at];
                if (known + n > DEPTH_MAX) {
                        json_set_place(source, "devices");
                        return json_refuse(source, "%.64s is deeper than %d",
                                           topology->devices[i].address, DEPTH_MAX);
                }
                at = i;
                for (size_t depth = known + n; depth > known; depth--) {
                        depths[at] = (uint16_t) depth;
                        at = topology->devices[at].parent;
                }
        }
        return 0;
}

/* Whether a device is below itself, or deeper than any is. */
static int check_depth(JsonSource *source, const Topology *topology) {
        uint16_t *depths = calloc(topology->n_devices + 1, sizeof(uint16_t));
        int r = depths ? walk_depths(source, topology, depths) : -ENOMEM;

        free(depths);
        return r;
}

/* Calls read with each element, which must be an object. */
static int read_each(JsonSource *source, json_object *array, const char *key,
                     int (*read)(JsonSource *, json_object *, Topology *, size_t),
                     Topology *topology) {
        size_t n = array ? json_object_array_length(array) : 0;

        for (size_t i = 0; i < n; i++) {
                json_object *element = json_object_array_get_idx(array, i);
                int r;

                json_set_place(source, "%s[%zu]", key, i);
                if (!json_object_is_type(element, json_type_object))
                        return json_refuse(source, "must be an object");
                r = read(source, element, topology, i);
                if (r < 0)
                        return r;
        }
        json_set_place(source, "%s", "");
        return 0;
}

static int read_device_of(JsonSource *source, json_object *object, Topology *topology, size_t i) {
        return read_device(source, object, topology);
}

static int read_block(JsonSource *source, json_object *object, Topology *topology, size_t i) {
        const char *name, *text;
        dev_t devnum = 0;
        ssize_t block;
        int kind = -EINVAL, r;

        r = json_get_name(source, object, "name", &name);
        if (r >= 0)
                r = read_kind(source, object, block_kind, _BLOCK_KIND_MAX, &kind);
        if (r >= 0)
                r = json_get_string(source, object, "devnum", false, &text);
        if (r < 0)
                return r;
        if (text && parse_devnum(text, &devnum) < 0)
                return json_refuse(source, "\"devnum\" must be MAJOR:MINOR");
        if (topology_find_block(topology, name) != TOPOLOGY_NONE)
                return json_refuse(source, "there is another block device %.64s", name);
        block = topology_add_block(topology, (BlockKind) kind, name, devnum);
        return block < 0 ? (int) block : read_use(source, object, &topology->blocks[block].use);
}

static int link_block(JsonSource *source, json_object *object, Topology *topology, size_t i) {
        static const char *const keys[] = { "users", "controllers" };

        for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
                json_object *array;
                int r = json_get_array(source, object, keys[k], LINKS_MAX, &array);
                size_t n = r >= 0 && array ? json_object_array_length(array) : 0;

                for (size_t e = 0; r >= 0 && e < n; e++) {
                        const char *name;
                        size_t other;

                        r = json_get_element(source, array, keys[k], e, &name);
                        if (r < 0)
                                break;
                        other = k == 0 ? topology_find_block(topology, name)
                                       : topology_find_device(topology, name);
                        if (other == TOPOLOGY_NONE)
                                return json_refuse(source, "\"%s\": there is no %.64s", keys[k],
                                                   name);
                        r = k == 0 ? topology_link_user(topology, i, other)
                                   : topology_link_controller(topology, i, other);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_topology(JsonSource *source, json_object *root, Topology *topology) {
        json_object *devices, *blocks;
        int r;

        r = json_get_array(source, root, "devices", DEVICES_MAX, &devices);
        if (r >= 0)
                r = json_get_array(source, root, "blocks", DEVICES_MAX, &blocks);
        if (r >= 0)
                r = read_each(source, devices, "devices", read_device_of, topology);
        if (r >= 0)
                r = read_each(source, devices, "devices", link_device, topology);
        if (r >= 0)
                r = check_depth(source, topology);
        if (r >= 0)
                r = read_each(source, blocks, "blocks", read_block, topology);
        if (r >= 0)
                r = read_each(source, blocks, "blocks", link_block, topology);
        return r < 0 ? r : topology_sort(topology);
}

static int read_config(JsonSource *source, json_object *root, Snapshot *snapshot) {
        json_object *config;
        int r;

        config_set_defaults(&snapshot->config);
        r = json_get_object(source, root, "config", &config);
        if (r < 0 || !config)
                return r;
        json_set_place(source, "config");
        json_object_object_foreach(config, name, value) {
                ConfigKey key = config_key_from_string(name);
                char why[CONFIG_WHY_MAX];

                if (key == _CONFIG_KEY_MAX) {
                        r = lines_add(&snapshot->unknown,
                                      "the setting %.40s= is not known to this version", name);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (!json_object_is_type(value, json_type_string))
                        return json_refuse(source, "\"%s\" must be of type string", name);
                r = config_key_parse(&snapshot->config, key, json_object_get_string(value), true,
                                     why, sizeof(why));
                /* Earlier versions wrote globs that select nothing. */
                if (r == -EINVAL && (key == CONFIG_INCLUDE || key == CONFIG_EXCLUDE)) {
                        snapshot->config.is_selection_uncertain = true;
                        r = lines_add(&snapshot->unknown, "the setting %s=: %s", name, why);
                }
                if (r < 0)
                        return r == -ENOMEM ? r : json_refuse(source, "\"%s\" %s", name, why);
        }
        json_set_place(source, "%s", "");
        return 0;
}

static int read_uncertainty(JsonSource *source, json_object *root, Config *config) {
        bool is_uncertain;
        int r = json_get_boolean(source, root, "selection_uncertain", &is_uncertain);

        if (r >= 0 && is_uncertain)
                config->is_selection_uncertain = true;
        return r;
}

static int read_unknown(JsonSource *source, json_object *root, Snapshot *snapshot) {
        json_object *array;
        int r = json_get_array(source, root, "unknown", UNKNOWN_MAX, &array);
        size_t n = r >= 0 && array ? json_object_array_length(array) : 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                const char *text;

                r = json_get_element(source, array, "unknown", i, &text);
                if (r >= 0)
                        r = lines_add(&snapshot->unknown, "%s", text);
        }
        return r;
}

static int check_schema(JsonSource *source, json_object *root) {
        const char *schema;
        usec_t version;
        int r;

        r = json_get_string(source, root, "schema", true, &schema);
        if (r < 0)
                return r;
        if (!STREQ(schema, SNAPSHOT_SCHEMA))
                return json_refuse(source, "\"schema\" must be %s", SNAPSHOT_SCHEMA);
        r = json_get_usec(source, root, "schema_version", &version);
        if (r >= 0 && version != SNAPSHOT_SCHEMA_VERSION)
                return json_refuse(source, "\"schema_version\" must be %d for this version",
                                   SNAPSHOT_SCHEMA_VERSION);
        return r;
}

int snapshot_read(const char *file, Snapshot *ret, char *why, size_t why_size) {
        JsonSource source = { .file = file, .why = why, .why_size = why_size };
        _cleanup_(snapshot_done) Snapshot snapshot = SNAPSHOT_INIT;
        _cleanup_json_ json_object *root = NULL;
        _cleanup_free_ char *text = NULL;
        int r;

        *why = '\0';
        r = json_read_text(&source, FILE_MAX, &text);
        if (r >= 0)
                r = json_parse(&source, text, &root);
        if (r >= 0)
                r = check_schema(&source, root);
        if (r >= 0)
                r = read_unknown(&source, root, &snapshot);
        if (r >= 0)
                r = read_config(&source, root, &snapshot);
        if (r >= 0)
                r = read_uncertainty(&source, root, &snapshot.config);
        if (r >= 0)
                r = read_text(&source, root, "kernel", false, &snapshot.kernel);
        if (r >= 0)
                r = read_topology(&source, root, &snapshot.topology);
        if (r < 0)
                return r;
        *ret = snapshot;
        snapshot = SNAPSHOT_INIT;
        return 0;
}
