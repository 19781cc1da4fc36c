/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See foreign.h. */

#include "foreign.h"

#include "config_keys.h"
#include "json.h"
#include "lspci_tree.h"
#include "sysfs.h"
#include "text.h"

#define FILE_MAX ((size_t) 64 << 20)
#define BLOCKS_MAX 10000

/* One of lsblk's disks, and what keeps it busy. */
typedef struct Disk {
        unsigned number; /* of nvme3n1: 3 */
        size_t block;
        json_object *object;
        Use use;
} Disk;

typedef struct Foreign {
        JsonSource source;
        Topology *topology;
        Disk *disks;
        size_t n_disks;
} Foreign;

static void foreign_done(Foreign *f) {
        for (size_t i = 0; i < f->n_disks; i++)
                free(f->disks[i].use.detail);
        free(f->disks);
}

static int raise_use(Use *use, UseKind kind, const char *name, const char *format,
                     const char *what) {
        char *detail;

        if (asprintf(&detail, "/dev/%s is %s%s", name, format, what) < 0)
                return -ENOMEM;
        text_make_printable(detail);
        use_raise(use, kind, detail);
        return 0;
}

static int note_mount(Use *use, const char *name, const char *where) {
        if (STREQ(where, "[SWAP]"))
                return raise_use(use, USE_SWAP, name, "used as swap", "");
        return raise_use(use, STREQ(where, "/") || STREQ(where, "/usr") ? USE_ROOT : USE_MOUNT,
                         name, "mounted on ", where);
}

/* "mountpoints", an array with nulls, since util-linux 2.37; "mountpoint" before. */
static int note_mounts(Foreign *f, json_object *object, const char *name, Use *use) {
        json_object *array;
        const char *where;
        int r;

        r = json_get_string(&f->source, object, "mountpoint", false, &where);
        if (r >= 0 && where)
                r = note_mount(use, name, where);
        if (r >= 0)
                r = json_get_array(&f->source, object, "mountpoints", BLOCKS_MAX, &array);
        for (size_t i = 0; r >= 0 && array && i < json_object_array_length(array); i++) {
                if (!json_object_array_get_idx(array, i))
                        continue;
                r = json_get_element(&f->source, array, "mountpoints", i, &where);
                if (r >= 0)
                        r = note_mount(use, name, where);
        }
        return r;
}

static int add_block(Foreign *f, json_object *object, bool is_disk, const char **ret_name,
                     size_t *ret_block) {
        const char *name, *type, *devnum;
        dev_t number = 0;
        BlockKind kind;
        ssize_t added;
        int r;

        r = json_get_name(&f->source, object, "name", &name);
        if (r >= 0)
                r = json_get_string(&f->source, object, "type", false, &type);
        if (r >= 0)
                r = json_get_string(&f->source, object, "maj:min", false, &devnum);
        if (r < 0)
                return r;
        if (devnum && parse_devnum(devnum, &number) < 0)
                return json_refuse(&f->source, "\"maj:min\" must be MAJOR:MINOR");
        *ret_name = name;
        *ret_block = topology_find_block(f->topology, name);
        if (*ret_block != TOPOLOGY_NONE)
                return 0;
        if (f->topology->n_blocks >= BLOCKS_MAX)
                return json_refuse(&f->source, "more than %d block devices", BLOCKS_MAX);
        kind = is_disk                       ? BLOCK_NAMESPACE
               : type && STREQ(type, "part") ? BLOCK_PARTITION
                                             : BLOCK_HOLDER;
        added = topology_add_block(f->topology, kind, name, number);
        *ret_block = (size_t) added;
        return added < 0 ? (int) added : 0;
}

/* The depth is bounded by the parser's. */
static int walk(Foreign *f, json_object *object, size_t below, Use *use) {
        size_t block = TOPOLOGY_NONE;
        json_object *children;
        const char *name = NULL;
        int r;

        if (!json_object_is_type(object, json_type_object))
                return json_refuse(&f->source, "\"children\" holds something that is no object");
        r = add_block(f, object, below == TOPOLOGY_NONE, &name, &block);
        if (r >= 0 && below != TOPOLOGY_NONE) {
                const Block *lower = &f->topology->blocks[below];

                if (f->topology->blocks[block].kind == BLOCK_HOLDER)
                        r = raise_use(use, USE_HOLDER, lower->name, "held by ", name);
                if (r >= 0)
                        r = topology_link_user(f->topology, below, block);
        }
        if (r >= 0)
                r = note_mounts(f, object, name, use);
        if (r >= 0)
                r = json_get_array(&f->source, object, "children", BLOCKS_MAX, &children);
        for (size_t i = 0; r >= 0 && children && i < json_object_array_length(children); i++)
                r = walk(f, json_object_array_get_idx(children, i), block, use);
        return r;
}

static int read_disk(Foreign *f, json_object *object) {
        unsigned number, namespace;
        Disk disk = { .object = object };
        const char *name;
        Disk *larger;
        int r, end = 0;

        r = json_get_string(&f->source, object, "name", true, &name);
        if (r < 0 || sscanf(name, "nvme%9un%9u%n", &number, &namespace, &end) != 2 || name[end])
                return r;
        larger = reallocarray(f->disks, f->n_disks + 1, sizeof(Disk));
        if (!larger)
                return -ENOMEM;
        f->disks = larger;
        disk.number = number;
        r = walk(f, object, TOPOLOGY_NONE, &disk.use);
        disk.block = topology_find_block(f->topology, name);
        f->disks[f->n_disks++] = disk;
        return r;
}

static int read_disks(Foreign *f, json_object *root) {
        json_object *array;
        int r = json_get_array(&f->source, root, "blockdevices", BLOCKS_MAX, &array);

        if (r >= 0 && !array)
                return json_refuse(&f->source, "\"blockdevices\" is missing: lsblk --json has it");
        for (size_t i = 0; r >= 0 && i < json_object_array_length(array); i++) {
                json_object *object = json_object_array_get_idx(array, i);

                json_set_place(&f->source, "blockdevices[%zu]", i);
                r = json_object_is_type(object, json_type_object)
                            ? read_disk(f, object)
                            : json_refuse(&f->source, "must be an object");
        }
        return r;
}

static int disk_compare(const void *a, const void *b) {
        const Disk *x = a, *y = b;

        if (x->number != y->number)
                return x->number < y->number ? -1 : 1;
        return x->block < y->block ? -1 : x->block > y->block;
}

static int replace(Foreign *f, json_object *object, const char *key, char **target) {
        const char *text;
        char *copy;
        int r = json_get_string(&f->source, object, key, false, &text);

        if (r < 0 || !text || !*text)
                return r;
        copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        text_make_printable(copy);
        (void) text_cut_suffix(copy, " ");
        free(*target);
        *target = copy;
        return 0;
}

static int take_disk(Foreign *f, Disk *disk, size_t device) {
        Controller *c = f->topology->devices[device].controller;
        char *name;
        int r;

        if (asprintf(&name, "nvme%u", disk->number) < 0)
                return -ENOMEM;
        free(c->name);
        c->name = name;
        use_raise(&c->use, disk->use.kind, disk->use.detail);
        disk->use.detail = NULL;
        r = topology_link_controller(f->topology, disk->block, device);
        if (r >= 0)
                r = replace(f, disk->object, "model", &c->model);
        return r < 0 ? r : replace(f, disk->object, "serial", &c->serial);
}

/* The n-th number of lsblk's disks to the n-th controller. */
static int pair(Foreign *f) {
        size_t device = TOPOLOGY_NONE; /* one more is the first */
        int r = 0;

        for (size_t i = 0; i < f->n_disks && r >= 0; i++) {
                if (i == 0 || f->disks[i].number != f->disks[i - 1].number)
                        do
                                device++;
                        while (!f->topology->devices[device].controller);
                r = take_disk(f, &f->disks[i], device);
        }
        return r;
}

static int take_all_for_used(Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                char *detail;

                if (!topology->devices[i].controller)
                        continue;
                detail = strdup("which disk is behind it is not known");
                if (!detail)
                        return -ENOMEM;
                use_raise(&topology->devices[i].controller->use, USE_UNKNOWN, detail);
        }
        return 0;
}

/* What every controller of a running machine has, and neither text tells. */
static int assume(Topology *topology) {
        for (size_t i = 0; i < topology->n_devices; i++) {
                Controller *c = topology->devices[i].controller;

                if (!c)
                        continue;
                c->transport = strdup("pcie");
                c->state = strdup("live");
                c->driver = strdup("nvme");
                if (!c->serial)
                        c->serial = strdup("?");
                if (!c->transport || !c->state || !c->driver || !c->serial)
                        return -ENOMEM;
        }
        return 0;
}

static int match(Foreign *f, Snapshot *snapshot) {
        size_t n_numbers = 0, n_controllers = 0;
        int r;

        if (f->n_disks > 0)
                qsort(f->disks, f->n_disks, sizeof(Disk), disk_compare);
        for (size_t i = 0; i < f->n_disks; i++)
                n_numbers += i == 0 || f->disks[i].number != f->disks[i - 1].number;
        for (size_t i = 0; i < f->topology->n_devices; i++)
                n_controllers += f->topology->devices[i].controller != NULL;
        if (n_controllers == 0 && n_numbers > 0)
                return snapshot_add_unknown(
                        snapshot, "where the controllers of lsblk's disks stand: lspci's text "
                                  "calls nothing NVMe");
        if (n_numbers == n_controllers) {
                r = snapshot_add_unknown(snapshot,
                                         "which controller is which of nvme0, nvme1, ...: "
                                         "they are paired in order");
                return r < 0 ? r : pair(f);
        }
        r = snapshot_add_unknown(snapshot,
                                 "which of %zu controllers carries which of lsblk's %zu: all of "
                                 "them are taken for used",
                                 n_controllers, n_numbers);
        return r < 0 ? r : take_all_for_used(f->topology);
}

static int add_what_is_unknown(Snapshot *snapshot) {
        static const char *const lines[] = {
                "which PCI functions are NVMe controllers, and what kind of port each bridge is: "
                "guessed by name and place",
                "state and driver of each controller: taken to be live and bound to nvme",
                "serial numbers, unless lsblk has a column SERIAL (\"?\" stands for them)",
                "physical and virtual functions, controllers of one subsystem, RTD3E",
                "open files, claims (ZFS), exports (nvmet, LIO), members of a mounted btrfs but "
                "the "
                "first",
                "the configuration: the defaults are taken",
        };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(lines) && r >= 0; i++)
                r = snapshot_add_unknown(snapshot, "%s", lines[i]);
        return r;
}

int foreign_read(const char *lspci_file, const char *lsblk_file, Snapshot *ret, char *why,
                 size_t why_size) {
        _cleanup_(snapshot_done) Snapshot snapshot = SNAPSHOT_INIT;
        _cleanup_(foreign_done) Foreign f = {
                .source = { .file = lspci_file,
                            .writer = "lsblk --json",
                            .why = why,
                            .why_size = why_size },
                .topology = &snapshot.topology,
        };
        _cleanup_free_ char *lspci = NULL, *lsblk = NULL;
        _cleanup_json_ json_object *root = NULL;
        int r;

        *why = '\0';
        config_set_defaults(&snapshot.config);
        r = json_read_text(&f.source, FILE_MAX, &lspci);
        if (r >= 0)
                r = lspci_tree_read(lspci_file, lspci, &snapshot.topology, why, why_size);
        if (r >= 0)
                r = topology_sort(&snapshot.topology);
        f.source.file = lsblk_file;
        if (r >= 0)
                r = json_read_text(&f.source, FILE_MAX, &lsblk);
        if (r >= 0)
                r = json_parse(&f.source, lsblk, &root);
        if (r >= 0)
                r = read_disks(&f, root);
        if (r >= 0)
                r = match(&f, &snapshot);
        if (r >= 0)
                r = assume(&snapshot.topology);
        if (r >= 0)
                r = add_what_is_unknown(&snapshot);
        if (r >= 0)
                r = topology_sort(&snapshot.topology);
        if (r < 0)
                return r;
        *ret = snapshot;
        snapshot = SNAPSHOT_INIT;
        return 0;
}
