/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See content.h. */

#include "label/content.h"

#include <libudev.h>

#include "base/recorded.h"
#include "base/text.h"

/* A name of a ZFS pool has up to 255 characters. */
#define TEXT_MAX 255

/* Types of GPT partitions (UEFI 2.10, 5.3.3) and MBR partitions, in udev's spelling, and what libblkid
 * calls the content that they are for. */
static const struct {
        const char *type, *kind;
} partition_types[] = {
        { "6a898cc3-1dd2-11b2-99a6-080020736631", "zfs_member" },
        { "0xbf", "zfs_member" },
        { "a19d880f-05fc-4d3b-a006-743f0f84911e", "linux_raid_member" },
        { "0xfd", "linux_raid_member" },
        { "e6d6d379-f507-44c2-a23c-238f2a3df928", "LVM2_member" },
        { "0x8e", "LVM2_member" },
};

static void unref_udev(struct udev **udev) {
        (void) udev_unref(*udev);
}

static void unref_device(struct udev_device **device) {
        (void) udev_device_unref(*device);
}

/* Returns the kind, borrowed from the device or static, or NULL. */
static const char *find_kind(struct udev_device *device) {
        const char *kind = udev_device_get_property_value(device, "ID_FS_TYPE"), *type;

        if (kind && *kind)
                return kind;
        type = udev_device_get_property_value(device, "ID_PART_ENTRY_TYPE");
        for (size_t i = 0; type && i < ARRAY_SIZE(partition_types); i++)
                if (STREQ(partition_types[i].type, type))
                        return partition_types[i].kind;
        return NULL;
}

static int copy_text(const char *text, char **ret_text) {
        char *copy = strndup(text, TEXT_MAX);

        if (!copy)
                return -ENOMEM;
        text_clean_attribute(copy);
        *ret_text = copy;
        return 0;
}

/* Copies both; label may be NULL. Returns 0 or -ENOMEM. */
static int copy_content(const char *kind, const char *label, char **ret_kind, char **ret_label) {
        _cleanup_free_ char *copy = NULL;
        int r;

        r = copy_text(kind, &copy);
        if (r < 0)
                return r;
        if (ret_label) {
                *ret_label = NULL;
                r = label && *label ? copy_text(label, ret_label) : 0;
                if (r < 0)
                        return r;
        }
        *ret_kind = TAKE_PTR(copy);
        return 0;
}

static int read_live(dev_t devnum, char **ret_kind, char **ret_label) {
        _cleanup_(unref_udev) struct udev *udev = udev_new();
        _cleanup_(unref_device) struct udev_device *device = NULL;
        const char *kind;

        if (!udev)
                return -ENOMEM;
        device = udev_device_new_from_devnum(udev, 'b', devnum);
        kind = device ? find_kind(device) : NULL;
        if (!kind)
                return -ENODATA;
        return copy_content(kind, udev_device_get_property_value(device, "ID_FS_LABEL"), ret_kind,
                            ret_label);
}

static int read_recorded(int root_fd, const char *name, char **ret_kind, char **ret_label) {
        _cleanup_free_ char *path = NULL, *kind = NULL, *label = NULL;
        int r;

        if (asprintf(&path, "dev/%s", name) < 0)
                return -ENOMEM;
        r = recorded_answer(root_fd, path, "content", &kind);
        if (r < 0 || !*kind)
                return r == -ENOMEM ? r : -ENODATA;
        r = recorded_answer(root_fd, path, "label", &label);
        if (r == -ENOMEM)
                return r;
        return copy_content(kind, label, ret_kind, ret_label);
}

int content_read(int root_fd, const Block *block, char **ret_kind, char **ret_label) {
        if (recorded_is_root())
                return read_recorded(root_fd, block->name, ret_kind, ret_label);
        return block->devnum == 0 ? -ENODATA : read_live(block->devnum, ret_kind, ret_label);
}
