/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See labels.h. */

#include "label/labels.h"

#include <fcntl.h>
#include <libudev.h>
#include <limits.h>

#include "base/file.h"
#include "base/text.h"
#include "label/content.h"

typedef struct Slot {
        char *name;
        char *address; /* "0000:01:00": without the function */
} Slot;

typedef struct SlotList {
        Slot *slots;
        size_t n_slots;
} SlotList;

static void slot_list_done(SlotList *list) {
        for (size_t i = 0; i < list->n_slots; i++) {
                free(list->slots[i].name);
                free(list->slots[i].address);
        }
        free(list->slots);
}

static int slot_list_add(SlotList *list, int root_fd, const char *name) {
        char path[PATH_MAX], address[FILE_ATTRIBUTE_MAX];
        Slot *larger;

        (void) snprintf(path, sizeof(path), "sys/bus/pci/slots/%s/address", name);
        if (file_read_printable(root_fd, path, address, sizeof(address)) < 0 || !*address)
                return 0;
        larger = reallocarray(list->slots, list->n_slots + 1, sizeof(Slot));
        if (!larger)
                return -ENOMEM;
        list->slots = larger;
        larger[list->n_slots] = (Slot){ strdup(name), strdup(address) };
        list->n_slots++;
        if (!larger[list->n_slots - 1].name || !larger[list->n_slots - 1].address)
                return -ENOMEM;
        text_clean_attribute(larger[list->n_slots - 1].name);
        return 0;
}

/* A directory that can't be read leaves the list as it is. */
static int slot_list_read(SlotList *list, int root_fd) {
        _cleanup_closedir_ DIR *dir = NULL;
        const char *name;
        int r;

        r = file_opendir(root_fd, "sys/bus/pci/slots", &dir);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        while ((name = file_readdir(dir, &r))) {
                r = slot_list_add(list, root_fd, name);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A slot's address ends with the device, or with the bus if that has only one (address_read_file() in
 * drivers/pci/slot.c). */
static const char *slot_list_find(const SlotList *list, const char *address) {
        for (size_t i = 0; i < list->n_slots; i++) {
                size_t length = strlen(list->slots[i].address);

                if (strncmp(address, list->slots[i].address, length) == 0 &&
                    (address[length] == '.' || address[length] == ':'))
                        return list->slots[i].name;
        }
        return NULL;
}

/* What all devices share. */
typedef struct Reader {
        int root_fd;
        const Topology *topology;
        struct udev *udev;
        struct udev_hwdb *hwdb; /* NULL: this machine has none */
        SlotList slots;
} Reader;

static void reader_done(Reader *reader) {
        (void) udev_hwdb_unref(reader->hwdb);
        (void) udev_unref(reader->udev);
        slot_list_done(&reader->slots);
}

#define _cleanup_reader_ _cleanup_(reader_done)

/* Returns the device/port type in the PCI Express capability (PCIe base 5.0, 7.5.3.2, bits 7:4), or
 * NULL. An unprivileged process can read only the first 64 bytes of config. */
static const char *read_port(int root_fd, const char *address) {
        static const char *const ports[16] = {
                [4] = "root port",
                [5] = "upstream port",
                [6] = "downstream port",
        };
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        uint8_t config[256];
        ssize_t n;
        unsigned cap;

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/config", address);
        fd = file_open(root_fd, path, O_RDONLY);
        n = fd < 0 ? -1 : pread(fd, config, sizeof(config), 0);
        if (n < 0x40 || !(config[0x06] & 0x10))
                return NULL;
        cap = config[0x34] & 0xfcu;
        for (unsigned i = 0; i < 48 && cap >= 0x40 && cap + 4 <= (size_t) n; i++) {
                if (config[cap] == 0x10)
                        return ports[config[cap + 2] >> 4];
                cap = config[cap + 1] & 0xfcu;
        }
        return NULL;
}

/* Leaves *ret NULL for an empty text. 0 or -ENOMEM. */
static int copy_text(const char *text, char **ret) {
        _cleanup_free_ char *copy = text ? strdup(text) : NULL;

        if (!copy)
                return text ? -ENOMEM : 0;
        text_clean_attribute(copy);
        if (*copy)
                *ret = TAKE_PTR(copy);
        return 0;
}

static int read_product(const Reader *reader, const char *address, DeviceLabel *label) {
        struct udev_list_entry *entry;
        char path[PATH_MAX], modalias[FILE_ATTRIBUTE_MAX];
        int r = 0;

        (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/modalias", address);
        if (!reader->hwdb ||
            file_read_printable(reader->root_fd, path, modalias, sizeof(modalias)) < 0)
                return 0;
        udev_list_entry_foreach(entry,
                                udev_hwdb_get_properties_list_entry(reader->hwdb, modalias, 0)) {
                const char *name = udev_list_entry_get_name(entry);
                const char *value = udev_list_entry_get_value(entry);

                if (STREQ(name, "ID_VENDOR_FROM_DATABASE") && !label->vendor)
                        r = copy_text(value, &label->vendor);
                else if (STREQ(name, "ID_MODEL_FROM_DATABASE") && !label->product)
                        r = copy_text(value, &label->product);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The kernel's slots first: their names are those of lspci(8) and of the hotplug driver. label is that
 * of ACPI's _DSM or SMBIOS, sun the number that ACPI has for the slot (_SUN). */
static int read_slot(const Reader *reader, const char *address, DeviceLabel *label) {
        static const char *const attributes[] = { "label", "firmware_node/sun" };
        const char *name = slot_list_find(&reader->slots, address);

        if (name)
                return copy_text(name, &label->slot);
        for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
                char path[PATH_MAX], text[FILE_ATTRIBUTE_MAX];

                (void) snprintf(path, sizeof(path), "sys/bus/pci/devices/%s/%s", address,
                                attributes[i]);
                if (file_read_printable(reader->root_fd, path, text, sizeof(text)) >= 0 && *text)
                        return copy_text(text, &label->slot);
        }
        return 0;
}

static bool has_word(const char *list, const char *word) {
        size_t length = strlen(word);

        for (const char *at = list; at && (at = strstr(at, word)); at += length)
                if ((at == list || at[-1] == ' ') && (!at[length] || at[length] == ','))
                        return true;
        return false;
}

/* Adds the block's kind to the list, unless it is in it. */
static int add_content(const Reader *reader, const Block *block, char **list) {
        _cleanup_free_ char *kind = NULL;
        char *longer;
        int r;

        r = content_read(reader->root_fd, block, &kind, NULL);
        if (r < 0 || has_word(*list, kind))
                return r == -ENOMEM ? r : 0;
        if (asprintf(&longer, "%s%s%s", *list ?: "", *list ? ", " : "", kind) < 0)
                return -ENOMEM;
        free(*list);
        *list = longer;
        return 0;
}

static int add_contents(const Reader *reader, const Block *namespace, char **list) {
        const Block *blocks = reader->topology->blocks;
        int r;

        r = add_content(reader, namespace, list);
        for (size_t i = 0; i < namespace->n_users && r >= 0; i++)
                if (blocks[namespace->users[i]].kind == BLOCK_PARTITION)
                        r = add_content(reader, &blocks[namespace->users[i]], list);
        return r;
}

static int read_contents(const Reader *reader, size_t device, char **list) {
        const Topology *topology = reader->topology;
        int r = 0;

        for (size_t i = 0; i < topology->n_blocks && r >= 0; i++) {
                const Block *block = &topology->blocks[i];

                if (block->use.kind == USE_CLAIM && block_leads_to(block, device))
                        r = add_contents(reader, block, list);
        }
        return r;
}

static bool is_on_pci(const Device *device) {
        return device->kind != DEVICE_HOST_BRIDGE && device->kind != DEVICE_FABRICS;
}

static int read_label(const Reader *reader, size_t i, DeviceLabel *label) {
        const Device *device = &reader->topology->devices[i];
        int r;

        if (device->kind == DEVICE_BRIDGE)
                label->port = read_port(reader->root_fd, device->address);
        r = is_on_pci(device) ? read_product(reader, device->address, label) : 0;
        if (r < 0)
                return r;
        r = is_on_pci(device) ? read_slot(reader, device->address, label) : 0;
        if (r < 0 || !device->controller || device->controller->use.kind != USE_CLAIM)
                return r;
        return read_contents(reader, i, &label->content);
}

int labels_read(int root_fd, const Topology *topology, Labels *ret) {
        _cleanup_reader_ Reader reader = { .root_fd = root_fd, .topology = topology };
        _cleanup_labels_ Labels labels = LABELS_INIT;
        int r;

        reader.udev = udev_new();
        labels.devices = calloc(topology->n_devices + 1, sizeof(DeviceLabel));
        if (!reader.udev || !labels.devices)
                return -ENOMEM;
        labels.n_devices = topology->n_devices;
        reader.hwdb = udev_hwdb_new(reader.udev);
        r = slot_list_read(&reader.slots, root_fd);
        for (size_t i = 0; i < topology->n_devices && r >= 0; i++)
                r = read_label(&reader, i, &labels.devices[i]);
        if (r < 0)
                return r;
        *ret = TAKE(labels, LABELS_INIT);
        return 0;
}

void labels_done(Labels *labels) {
        for (size_t i = 0; i < labels->n_devices; i++) {
                free(labels->devices[i].vendor);
                free(labels->devices[i].product);
                free(labels->devices[i].slot);
                free(labels->devices[i].content);
        }
        free(labels->devices);
        *labels = LABELS_INIT;
}
