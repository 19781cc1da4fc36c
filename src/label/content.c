/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See content.h. */

#include "label/content.h"

#include <libudev.h>

#include "base/recorded.h"
#include "base/text.h"

#define KIND_MAX 64

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

static int copy_kind(const char *kind, char **ret_kind) {
        char *copy = strndup(kind, KIND_MAX);

        if (!copy)
                return -ENOMEM;
        text_clean_attribute(copy);
        *ret_kind = copy;
        return 0;
}

static int read_live(dev_t devnum, char **ret_kind) {
        _cleanup_(unref_udev) struct udev *udev = udev_new();
        _cleanup_(unref_device) struct udev_device *device = NULL;
        const char *kind;

        if (!udev)
                return -ENOMEM;
        device = udev_device_new_from_devnum(udev, 'b', devnum);
        kind = device ? find_kind(device) : NULL;
        return kind ? copy_kind(kind, ret_kind) : -ENODATA;
}

static int read_recorded(int root_fd, const char *name, char **ret_kind) {
        _cleanup_free_ char *path = NULL, *answer = NULL;
        int r;

        if (asprintf(&path, "dev/%s", name) < 0)
                return -ENOMEM;
        r = recorded_answer(root_fd, path, "content", &answer);
        if (r < 0 || !*answer)
                return r == -ENOMEM ? r : -ENODATA;
        return copy_kind(answer, ret_kind);
}

int content_read(int root_fd, const Block *block, char **ret_kind) {
        if (recorded_is_root())
                return read_recorded(root_fd, block->name, ret_kind);
        return block->devnum == 0 ? -ENODATA : read_live(block->devnum, ret_kind);
}
